// The clusters that connections are given to, each named by what the application dialled.
import type { Fetch } from "#collections/graph.ts";
import { othersLabels } from "#model/others.ts";
import type { MeshService } from "#model/service.ts";
import type { Client } from "../clients/clients.ts";
import { bareClusterView } from "../clusters/clusters.ts";
import type { WeightedSelection } from "../clusters/weighted-endpoints.ts";
import type { Mesh } from "../mesh.ts";
import { serviceLabel, serviceOfHost, serviceOrigin } from "../services/services.ts";
import type { ClusterReference, ClusterView } from "../views.ts";
import { type Connection, type ConnectionTarget, connectionTarget } from "./connections.ts";
import { othersOf } from "./others.ts";
import { podClusterView } from "./pods.ts";
import { entryOfTcpPort, isReachable, servicesAt } from "./reach.ts";
import { targetSelection, targetView } from "./target-clusters.ts";

/** As Envoy writes it. */
const noServerName = "-";

/** Those that stand for connections. */
export type ConnectionCluster = Extract<ClusterReference, { kind: "tcp" | "tls" | "host" }>;

/**
 * To a service: what routes say of it, else its endpoints; to a pod: that pod; to a port that a host outside takes: that
 * host; to anything else: as dialled, without TLS, or nowhere.
 */
export function connectionClusterView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionCluster,
): ClusterView {
  const dialled = dialledBy(mesh, fetch, client, reference);
  if (dialled.kind === "pod") return { ...dialled.view, reference, protocol: "tcp" };
  if (dialled.kind === "nobody") return bareClusterView(reference, "tcp", "none");
  if (dialled.kind === "others") return othersView(mesh, fetch, client, reference);
  const target = targetOf(mesh, fetch, client, dialled);
  return targetView(mesh, fetch, client, reference, target, serviceLabel(dialled.service));
}

function othersView(mesh: Mesh, fetch: Fetch, client: Client, reference: ConnectionCluster): ClusterView {
  const others = othersOf(mesh, fetch, client);
  if (typeof others !== "string") {
    const { subset, ...service } = others.proxy;
    const target = { destinations: [{ service, subset, weight: 1 }], origins: [] };
    return targetView(mesh, fetch, client, reference, target, undefined);
  }
  const view = bareClusterView(reference, "tcp", others === "refuse" ? "none" : "asDialled");
  return { ...view, service: othersLabels[others] };
}

/** The endpoints of a cluster that several destinations share; undefined for one that has no list of its own. */
export function connectionSelection(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionCluster,
): WeightedSelection | undefined {
  const dialled = dialledBy(mesh, fetch, client, reference);
  if (dialled.kind !== "service") return undefined;
  const target = targetOf(mesh, fetch, client, dialled);
  return targetSelection(mesh, fetch, client, reference, target);
}

interface DialledService {
  readonly kind: "service";
  readonly service: MeshService;
  readonly connection: Connection;
  /** The one that is meant, whatever routes say. */
  readonly subset?: string;
}

type Dialled =
  | DialledService
  | { readonly kind: "nobody" }
  | { readonly kind: "pod"; readonly view: ClusterView }
  | { readonly kind: "others" };

function dialledBy(mesh: Mesh, fetch: Fetch, client: Client, reference: ConnectionCluster): Dialled {
  switch (reference.kind) {
    case "tcp":
      return dialledByAddress(mesh, fetch, client, reference);
    case "tls":
      return dialledByName(mesh, fetch, client, reference);
    case "host":
      return namedByListener(mesh, fetch, client, reference);
  }
}

function targetOf(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { service, connection, subset }: DialledService,
): ConnectionTarget {
  if (subset === undefined) return connectionTarget(mesh, fetch, client, service, connection);
  const { port } = connection;
  return {
    destinations: [{ service: { hostname: service.hostname, port }, subset, weight: 1 }],
    origins: [serviceOrigin(service)],
  };
}

/** A listener of a Sidecar knows the host, and what TLS asks for is that, too. */
function namedByListener(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { hostname, port, subset }: Extract<ClusterReference, { kind: "host" }>,
): Dialled {
  const service = serviceOfHost(mesh.routing, fetch, hostname, client.namespace);
  const found = service?.ports.find((each) => each.port === port);
  if (service === undefined || found === undefined) return { kind: "nobody" };
  const connection = { port, ...(found.protocol === "tls" ? { serverName: hostname } : {}) };
  return { kind: "service", service, connection, ...(subset === "" ? {} : { subset }) };
}

function dialledByAddress(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { address, port, serverName }: Extract<ClusterReference, { kind: "tcp" }>,
): Dialled {
  const services = servicesAt(mesh, fetch, client, address, port);
  const service = services.find(({ ports }) => ports.some((each) => each.port === port)) ?? services[0];
  const isNamed = serverName !== undefined && serverName !== noServerName;
  const connection = { address, port, ...(isNamed ? { serverName } : {}) };
  if (service !== undefined) return { kind: "service", service, connection };
  const view = podClusterView(mesh, fetch, client, { kind: "address", address, port });
  if (view !== undefined) return { kind: "pod", view };
  const open = entryOfTcpPort(mesh, fetch, client, port);
  return open === undefined ? { kind: "others" } : { kind: "service", service: open, connection };
}

/** The listener knows the name; on a port that it does not have nobody is meant that is known. */
function dialledByName(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { hostname, port }: Extract<ClusterReference, { kind: "tls" }>,
): Dialled {
  const service = serviceOfHost(mesh.routing, fetch, hostname, client.namespace);
  const isKnown =
    service?.ports.some((each) => each.port === port) === true &&
    isReachable(mesh, fetch, client, service, port);
  return isKnown
    ? { kind: "service", service, connection: { port, serverName: hostname } }
    : { kind: "others" };
}
