// What of a request decides to which endpoint it goes: said of destinations, applied by routes.
import type { Fetch } from "#collections/graph.ts";
import type { HashKey } from "#model/policy.ts";
import type { Client } from "../clients/clients.ts";
import { trafficPolicyOf } from "../clusters/policies.ts";
import type { Mesh } from "../mesh.ts";
import { serviceOfHost } from "../services/services.ts";
import type { ClusterReference, RouteView } from "../views.ts";

/** Routes with the keys of those of their destinations that want one. */
export function withHashKeys(
  mesh: Pick<Mesh, "routing">,
  fetch: Fetch,
  client: Client,
  routes: readonly RouteView[],
): readonly RouteView[] {
  return routes.map((route) => {
    if (route.action.kind !== "forward") return route;
    const keys = new Map<string, HashKey>();
    for (const { cluster } of route.action.destinations) {
      const key = cluster === undefined ? undefined : hashKeyOf(mesh, fetch, client, cluster);
      if (key !== undefined) keys.set(JSON.stringify(key), key);
    }
    return keys.size === 0 ? route : { ...route, action: { ...route.action, hashBy: [...keys.values()] } };
  });
}

function hashKeyOf(
  mesh: Pick<Mesh, "routing">,
  fetch: Fetch,
  client: Client,
  cluster: ClusterReference,
): HashKey | undefined {
  if (cluster.kind !== "service") return undefined;
  const service = serviceOfHost(mesh.routing, fetch, cluster.hostname, client.namespace);
  if (service === undefined) return undefined;
  const method = trafficPolicyOf(mesh.routing, fetch, client, service, cluster).balancing?.method;
  return method?.kind === "consistentHash" ? method.by : undefined;
}
