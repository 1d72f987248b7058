// What becomes of what a client sends to a destination that it cannot know.
import type { Fetch } from "#collections/graph.ts";
import type { MeshService } from "#model/service.ts";
import type { EgressProxy } from "#model/sidecar.ts";
import type { Client } from "../clients/clients.ts";
import { serviceCluster } from "../clusters/clusters.ts";
import type { OthersView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import type { RoutingInputs } from "../routing/routing-inputs.ts";
import { serviceOfHost } from "../services/services.ts";
import type { RouteAction } from "../views.ts";
import { sidecarOfClient } from "./reach.ts";
import { forward } from "./route-views.ts";

/** What the client's Sidecar says, else what the mesh does. A proxy that is not there takes nothing, and nothing passes it by. */
export function othersOf(mesh: Mesh, fetch: Fetch, client: Client): OthersView {
  const sidecar = sidecarOfClient(mesh, fetch, client);
  if (sidecar?.others === undefined) return mesh.settings.outboundTrafficPolicy;
  const { others } = sidecar;
  if (typeof others === "string") return others;
  const found = proxyService(mesh.routing, fetch, others, sidecar.namespace);
  return found === undefined ? "refuse" : { proxy: serviceCluster(found, others.subset) };
}

/** The service and the port that a proxy means, as written in an object of a namespace. */
export function proxyService(
  inputs: RoutingInputs,
  fetch: Fetch,
  { host, port }: Pick<EgressProxy, "host" | "port">,
  namespace: string,
): { readonly hostname: string; readonly port: number } | undefined {
  const service = serviceOfHost(inputs, fetch, host, namespace);
  const number = port ?? onlyPort(service);
  return service?.ports.some((each) => each.port === number) === true && number !== undefined
    ? { hostname: service.hostname, port: number }
    : undefined;
}

function onlyPort(service: MeshService | undefined): number | undefined {
  return service?.ports.length === 1 ? service.ports[0]?.port : undefined;
}

/** The same for requests. */
export function othersAction(others: OthersView): RouteAction {
  return typeof others === "string" ? { kind: others } : forward([{ cluster: others.proxy }]);
}
