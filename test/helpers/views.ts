// Everything that the proxies of a mesh could ask for, as views.
import type { Fetch, Graph } from "#collections/graph.ts";
import { type Client, clientOfKey } from "#compile/clients/clients.ts";
import { endpointSelection, endpointsView } from "#compile/clusters/endpoint-lists.ts";
import { weightedEndpointsView } from "#compile/clusters/weighted-endpoints.ts";
import { gatewayListenerViews } from "#compile/gateways/gateway.ts";
import { gatewayCluster, gatewayEndpoints, gatewayListeners } from "#compile/gateways/gateway-pods.ts";
import { istioListenerViews } from "#compile/gateways/istio-gateway.ts";
import type { GatewayListenerView, OutsideRoutesView } from "#compile/listener-views.ts";
import type { Mesh } from "#compile/mesh.ts";
import { type ClientCluster, clusterView } from "#compile/outbound/cluster-view.ts";
import { type ConnectionCluster, connectionSelection } from "#compile/outbound/connection-clusters.ts";
import { egressListenerViews } from "#compile/outbound/egress-listeners.ts";
import { virtualHostView } from "#compile/outbound/outbound.ts";
import { outboundListenerView, outsideRoutesView } from "#compile/outbound/outside.ts";
import { sidecarOfClient } from "#compile/outbound/reach.ts";
import { routesKey } from "#compile/routing/routes.ts";
import type { RouteView } from "#compile/views.ts";
import { clusterName } from "#envoy/names.ts";
import type { MeshService } from "#model/service.ts";

/** Reads all views of a mesh; the result serialises to YAML. */
export function readViews(graph: Graph, mesh: Mesh) {
  const views = graph.single("all views", (fetch) => {
    const workloads = fetch.all(mesh.workloads);
    const clients = [...new Set(fetch.all(mesh.clients).map(({ key }) => key))].sort();
    const destinations = fetch
      .all(mesh.services)
      .flatMap(({ addresses, ports }) =>
        addresses
          .filter((address) => !address.includes("/"))
          .flatMap((address) => ports.map(({ port }) => ({ address, port }))),
      );
    const virtualHosts = Object.fromEntries(
      clients.map((client) => [
        client,
        [...destinations, ...addressesOf(mesh, fetch, client)].map((address) =>
          virtualHostView(mesh, fetch, clientOfKey(client), address),
        ),
      ]),
    );
    const gateways = fetch
      .all(mesh.routing.gateways)
      .flatMap(({ metadata }) => gatewayListenerViews(mesh, fetch, `${metadata.namespace}/${metadata.name}`));
    const byIstio = Object.fromEntries(
      workloads.flatMap((workload) => {
        const key = `${workload.namespace}/${workload.pod}`;
        const client = fetch.get(mesh.clients, key);
        const listeners =
          workload.proxy !== "gateway" || client === undefined
            ? []
            : istioListenerViews(mesh, fetch, workload, client);
        return listeners.length === 0 ? [] : [[key, listeners] as const];
      }),
    );
    const routes = [
      ...Object.values(byIstio).flatMap((listeners) => listeners.flatMap(routesOf)),
      ...Object.values(virtualHosts).flatMap((hosts) => hosts.flatMap((host) => host.routes)),
      ...gateways.flatMap(routesOf),
    ];
    const outsideRoutes = clients.flatMap((client) =>
      outsideRoutesView(mesh, fetch, clientOfKey(client)).hosts.flatMap(({ ports }) =>
        ports.flatMap((port) => port.routes),
      ),
    );
    const clusters = [
      ...referencesOf([...routes, ...outsideRoutes]),
      ...fetch.all(mesh.entryServices).flatMap(connectionsTo),
    ];
    const perClient = (viewsFor: (client: Client) => readonly object[]) =>
      unlessAlike(clients.map((client) => [client, viewsFor(clientOfKey(client))]));
    const connections = connectionsWithRoutes(mesh, fetch);
    const connectionViews = perClient((client) =>
      connections.map((reference) => {
        const selection = connectionSelection(mesh, fetch, client, reference);
        return {
          cluster: clusterView(mesh, fetch, client, reference),
          ...(selection === undefined ? {} : { endpoints: weightedEndpointsView(mesh, fetch, selection) }),
        };
      }),
    );
    const egress = egressOfClients(mesh, fetch, clients);
    const throughGateways = connectionsOfGateways(mesh, fetch);
    return {
      outbound: onceIfAlike(
        clients.map((client) => [client, outboundListenerView(mesh, fetch, clientOfKey(client))]),
      ),
      ...outside(clients.map((client) => [client, outsideRoutesView(mesh, fetch, clientOfKey(client))])),
      virtualHosts,
      gateways,
      ...(Object.keys(byIstio).length === 0 ? {} : { gatewayPods: byIstio }),
      clusters: perClient((client) =>
        clusters.map((reference) => clusterView(mesh, fetch, client, reference)),
      ),
      endpoints: perClient((client) =>
        clusters.flatMap((reference) => {
          const selection = endpointSelection(mesh, fetch, client, reference);
          return selection === undefined ? [] : [endpointsView(mesh, fetch, selection)];
        }),
      ),
      ...(connections.length === 0 ? {} : { connections: connectionViews }),
      ...(egress.length === 0 ? {} : { egress: Object.fromEntries(egress) }),
      ...(Object.keys(throughGateways).length === 0 ? {} : { throughGateways }),
      inbound: Object.fromEntries(
        workloads.flatMap((workload) => {
          const key = `${workload.namespace}/${workload.pod}`;
          const view = fetch.get(mesh.inbound, key);
          return view === undefined ? [] : [[key, view]];
        }),
      ),
    };
  });
  graph.settle();
  return JSON.parse(JSON.stringify(views.value)) as unknown;
}

/** Those that stand for hosts, as a client's Sidecar says. */
function addressesOf(mesh: Mesh, fetch: Fetch, client: string) {
  const { egressAddresses = [] } = sidecarOfClient(mesh, fetch, clientOfKey(client)) ?? {};
  return egressAddresses.map(({ address, port }) => ({ address, port }));
}

/** The listeners that Sidecars have for their applications, with the clusters that connections go to. */
function egressOfClients(mesh: Mesh, fetch: Fetch, clients: readonly string[]) {
  return clients.flatMap((key) => {
    const client = clientOfKey(key);
    const listeners = egressListenerViews(mesh, fetch, client);
    const clusters = listeners
      .flatMap((view) => (view.kind === "http" ? [] : view.hosts.map(({ cluster }) => cluster)))
      .flatMap((cluster) => (cluster.kind === "host" ? [clusterView(mesh, fetch, client, cluster)] : []));
    return listeners.length === 0 ? [] : [[key, { listeners, clusters }] as const];
  });
}

/** The destinations for which routes say where connections go, with the names that these ask for. */
function connectionsWithRoutes(mesh: Mesh, fetch: Fetch): readonly ConnectionCluster[] {
  const clients = ["", ...new Set(fetch.all(mesh.clients).map(({ namespace }) => namespace))];
  return fetch.all(mesh.services).flatMap((service) =>
    service.ports.flatMap(({ port }) => {
      const found = clients.flatMap(
        (client) => fetch.get(mesh.connectionRoutes, routesKey(service, port, client)) ?? [],
      );
      if (found.length === 0) return [];
      const asked = found.flatMap(({ routes }) => routes.flatMap(({ match }) => match.serverNames ?? []));
      const names = [...new Set(asked)].map((name) => ({ serverName: name.replace("*", "any") }));
      return service.addresses.flatMap((address) =>
        [{}, ...names].map((name) => ({ kind: "tcp" as const, address, port, ...name })),
      );
    }),
  );
}

function routesOf(listener: GatewayListenerView): readonly RouteView[] {
  return listener.kind === "http" ? listener.virtualHosts.flatMap((host) => host.routes) : [];
}

/** The clusters of the ports of each gateway's pod that pass connections on. */
function connectionsOfGateways(mesh: Mesh, fetch: Fetch): Readonly<Record<string, readonly object[]>> {
  const pods = fetch.all(mesh.workloads).map(({ namespace, pod }) => `${namespace}/${pod}`);
  return Object.fromEntries(
    pods.flatMap((pod) => {
      const ports = gatewayListeners(mesh, fetch, pod).filter((view) => view.kind === "tcp");
      const found = ports.map((view) => {
        const selection = gatewayEndpoints(mesh, fetch, pod, view);
        return {
          cluster: gatewayCluster(mesh, fetch, pod, view),
          ...(selection === undefined ? {} : { endpoints: weightedEndpointsView(mesh, fetch, selection) }),
        };
      });
      return found.length === 0 ? [] : [[pod, found] as const];
    }),
  );
}

/** Left out where there is nothing to say. */
function outside(views: readonly (readonly [string, OutsideRoutesView])[]) {
  const plain = views.every(([, { hosts, others }]) => hosts.length === 0 && others.kind === "passthrough");
  return plain ? {} : { outside: onceIfAlike(views) };
}

function onceIfAlike(views: readonly (readonly [string, object])[]): object {
  const [first] = views;
  const alike = views.every(([, each]) => JSON.stringify(each) === JSON.stringify(first?.[1]));
  return alike ? (first?.[1] ?? {}) : Object.fromEntries(views);
}

/** What connections to a host outside ask for that are no HTTP; an address that nobody has stands for any. */
function connectionsTo({ addresses, hostname, ports }: MeshService): readonly ClientCluster[] {
  return ports.flatMap(({ port, protocol }): readonly ClientCluster[] => {
    if (protocol === "tls") return [{ kind: "tls", hostname: hostname.replace("*", "any"), port }];
    if (protocol !== "tcp") return [];
    return (addresses.length === 0 ? ["192.0.2.99"] : addresses).map((address) => ({
      kind: "tcp",
      address: address.replace(/\/.*/, ""),
      port,
    }));
  });
}

/** Views that are the same for all clients are listed once, under no key. */
function unlessAlike(views: readonly (readonly [string, readonly object[]])[]) {
  const [first] = views;
  const alike = views.every(([, each]) => JSON.stringify(each) === JSON.stringify(first?.[1]));
  return alike ? (first?.[1] ?? []) : Object.fromEntries(views);
}

function referencesOf(routes: readonly RouteView[]): readonly ClientCluster[] {
  const found = new Map<string, ClientCluster>();
  for (const { action } of routes) {
    if (action.kind !== "forward") continue;
    for (const { cluster } of [...action.destinations, ...(action.mirrors ?? [])]) {
      if (cluster !== undefined && cluster.kind !== "gateway") found.set(clusterName(cluster), cluster);
    }
  }
  return [...found.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, reference]) => reference);
}
