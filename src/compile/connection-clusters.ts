// The clusters that connections are given to, each named by what the application dialled.
import type { Fetch } from "#collections/graph.ts";
import { othersLabels } from "#model/others.ts";
import type { MeshService } from "#model/service.ts";
import type { Client } from "./clients.ts";
import { addressClusterView, bareClusterView } from "./clusters.ts";
import { type Connection, connectionTarget } from "./connections.ts";
import type { Mesh } from "./graph.ts";
import { entryOfTcpPort, isReachable, isReachablePod, othersPolicy, servicesAt } from "./reach.ts";
import { serviceLabel, serviceOfHost } from "./services.ts";
import { targetSelection, targetView } from "./target-clusters.ts";
import type { ClusterReference, ClusterView } from "./views.ts";
import type { WeightedSelection } from "./weighted-endpoints.ts";

/** As Envoy writes it. */
const noServerName = "-";

/** Those that stand for connections. */
export type ConnectionCluster = Extract<ClusterReference, { kind: "tcp" | "tls" }>;

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
  if (dialled.kind === "others") {
    const policy = othersPolicy(mesh, fetch, client);
    const view = bareClusterView(reference, "tcp", policy === "refuse" ? "none" : "asDialled");
    return { ...view, service: othersLabels[policy] };
  }
  const { service, connection } = dialled;
  const target = connectionTarget(mesh, fetch, client, service, connection);
  return targetView(mesh, fetch, client, reference, target, serviceLabel(service));
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
  const target = connectionTarget(mesh, fetch, client, dialled.service, dialled.connection);
  return targetSelection(mesh, fetch, client, reference, target);
}

type Dialled =
  | { readonly kind: "service"; readonly service: MeshService; readonly connection: Connection }
  | { readonly kind: "pod"; readonly view: ClusterView }
  | { readonly kind: "others" };

function dialledBy(mesh: Mesh, fetch: Fetch, client: Client, reference: ConnectionCluster): Dialled {
  return reference.kind === "tcp"
    ? dialledByAddress(mesh, fetch, client, reference)
    : dialledByName(mesh, fetch, client, reference);
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
  const view = isReachablePod(mesh, fetch, client, address, port)
    ? addressClusterView(mesh, fetch, client, { kind: "address", address, port })
    : undefined;
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
