// The listeners that a Sidecar has for its application to call, whole: who asks is the application that they are for.
import type { Fetch } from "#collections/graph.ts";
import { firstOfEach } from "#model/first-of-each.ts";
import { isHttp, isOpaque, type MeshService } from "#model/service.ts";
import type { EgressListener, SidecarScope } from "#model/sidecar.ts";
import type { Client } from "../clients/clients.ts";
import type { EgressHostView, EgressListenerView, GatewayVirtualHostView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import { serviceOrigin } from "../services/services.ts";
import { namesOfService, portRoutes } from "./outbound.ts";
import { servicesNamed, sidecarOfClient } from "./reach.ts";
import { everything, respond } from "./route-views.ts";

/** Those of a client's Sidecar. */
export function egressListenerViews(mesh: Mesh, fetch: Fetch, client: Client): readonly EgressListenerView[] {
  const sidecar = sidecarOfClient(mesh, fetch, client);
  if (sidecar === undefined) return [];
  return sidecar.egressListeners.map((each) => listenerView(mesh, fetch, client, sidecar, each));
}

function listenerView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { origin }: SidecarScope,
  listener: EgressListener,
): EgressListenerView {
  const { at } = listener;
  const targets = targetsOf(mesh, fetch, client, listener);
  const origins = [origin, ...targets.map(({ service }) => serviceOrigin(service))];
  return isHttp(listener.protocol)
    ? { kind: "http", at, virtualHosts: virtualHosts(mesh, fetch, client, targets), origins }
    : { kind: "connections", at, hosts: hostsOf(listener, targets), origins };
}

/** A port of a service that a listener leads to. */
interface Target {
  readonly service: MeshService;
  readonly port: number;
}

function targetsOf(mesh: Mesh, fetch: Fetch, client: Client, listener: EgressListener): readonly Target[] {
  const forRequests = isHttp(listener.protocol);
  return servicesNamed(mesh, fetch, client, listener)
    .filter(({ resolution }) => canBeNamed(resolution, forRequests))
    .flatMap((service) =>
      service.ports
        .filter(({ port, protocol }) =>
          listener.port === undefined ? isOpaque(protocol) !== forRequests : port === listener.port,
        )
        .map(({ port }) => ({ service, port })),
    );
}

/** Not what is found by where it is dialled, for what is dialled is the sidecar. */
export function canBeNamed({ kind }: MeshService["resolution"], forRequests: boolean): boolean {
  return kind !== "asDialled" && (forRequests || kind !== "dnsOfRequest");
}

/** By the Host, without its port the first one; where there is one service alone, whatever the Host. */
function virtualHosts(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  targets: readonly Target[],
): readonly GatewayVirtualHostView[] {
  const taken = new Set<string>();
  const found = targets.map(({ service, port }) => {
    const names = namesOfService(mesh, fetch, service, client.namespace);
    const wanted = [...names, ...names.map((name) => `${name}:${port}`)];
    const domains = targets.length === 1 ? ["*"] : wanted.filter((name) => !taken.has(name));
    for (const name of domains) taken.add(name);
    const { routes } = portRoutes(mesh, fetch, client, service, { port });
    return { name: `${service.hostname}:${port}`, domains, routes };
  });
  if (targets.length === 1) return found;
  const unknown = everything(respond(404, "heddle: the Sidecar names no such host here\n"), []);
  return [...found, { name: "others", domains: ["*"], routes: [unknown] }];
}

/** TLS is told apart by what it asks for, of several ports of a host the first; of plain connections nothing is known, so that the first host has them. */
function hostsOf({ protocol }: EgressListener, targets: readonly Target[]): readonly EgressHostView[] {
  const firsts = firstOfEach(targets, ({ service }) => service.hostname);
  const found = firsts.map(({ service: { hostname }, port }) => ({
    serverName: hostname,
    cluster: { kind: "host" as const, hostname, port, subset: "" },
  }));
  if (protocol === "tls" && found.length > 1) return found;
  return found.slice(0, 1).map(({ cluster }) => ({ cluster }));
}
