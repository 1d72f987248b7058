// Everything that the proxies of a mesh could ask for, as views.
import type { Graph } from "#collections/graph.ts";
import { clusterView, endpointsView } from "#compile/clusters.ts";
import { gatewayListenerViews } from "#compile/gateway.ts";
import type { Mesh } from "#compile/graph.ts";
import { outboundListenerView, virtualHostView } from "#compile/outbound.ts";
import type { ClusterReference, RouteView } from "#compile/views.ts";
import { clusterName } from "#envoy/names.ts";

/** Reads all views of a mesh; the result serialises to YAML. */
export function readViews(graph: Graph, mesh: Mesh) {
  const views = graph.single("all views", (fetch) => {
    const workloads = fetch.all(mesh.workloads);
    const clients = [...new Set(workloads.map((workload) => workload.namespace))].sort();
    const addresses = fetch
      .all(mesh.services)
      .flatMap(({ address, ports }) =>
        address === undefined ? [] : ports.map(({ port }) => ({ address, port })),
      );
    const virtualHosts = Object.fromEntries(
      clients.map((client) => [
        client,
        addresses.map((address) => virtualHostView(mesh, fetch, client, address)),
      ]),
    );
    const gateways = fetch
      .all(mesh.routing.gateways)
      .flatMap(({ metadata }) => gatewayListenerViews(mesh, fetch, `${metadata.namespace}/${metadata.name}`));
    const routes = [
      ...Object.values(virtualHosts).flatMap((hosts) => hosts.flatMap((host) => host.routes)),
      ...gateways.flatMap((listener) => listener.virtualHosts.flatMap((host) => host.routes)),
    ];
    const clusters = referencesOf(routes);
    return {
      outbound: outboundListenerView(mesh, fetch),
      virtualHosts,
      gateways,
      clusters: clusters.flatMap((reference) => clusterView(mesh, fetch, reference) ?? []),
      endpoints: clusters.flatMap((reference) => endpointsView(mesh, fetch, reference) ?? []),
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

function referencesOf(routes: readonly RouteView[]): readonly ClusterReference[] {
  const found = new Map<string, ClusterReference>();
  for (const { action } of routes) {
    if (action.kind !== "forward") continue;
    for (const { cluster } of action.destinations) {
      if (cluster !== undefined) found.set(clusterName(cluster), cluster);
    }
  }
  return [...found.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, reference]) => reference);
}
