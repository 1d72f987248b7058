// What the proxies of a mesh know of the endpoints of a service.
import { parseClusterName } from "#envoy/names.ts";
import type { ProxyNode } from "#install/check/snapshot.ts";
import { canBalanceByLatency } from "#model/balancer.ts";
import { clusterType } from "#xds/type-urls.ts";

/** What the control plane says of a connected proxy. */
export interface ConnectedProxy {
  /** `pod.namespace` */
  readonly id: string;
  readonly node: ProxyNode;
  readonly types: Readonly<Record<string, { readonly held: Readonly<Record<string, string>> }>>;
}

/** The page of a proxy's balancers. */
export type BalancerPage = readonly {
  readonly name: string;
  readonly endpoints: readonly {
    readonly address: string;
    /** Null before its first answer. */
    readonly latencyMs: number | null;
    readonly outstanding: number;
    /** How long the oldest request waits for its answer. */
    readonly waitMs: number;
  }[];
}[];

/** One endpoint as one client's proxy knows it. */
export interface EndpointLatency {
  readonly client: string;
  readonly host: string;
  readonly port: number;
  readonly subset: string;
  readonly address: string;
  readonly latencyMs: number | null;
  readonly outstanding: number;
  readonly waitMs: number;
}

/** Whether a cluster is one of the service that a user names: `NAME`, `NAME.NAMESPACE`, or more of its hostname. */
export function isOfService(cluster: string, service: string, namespace: string | undefined): boolean {
  const reference = parseClusterName(cluster);
  if (reference?.kind !== "service") return false;
  const { hostname } = reference;
  const [, ofService] = hostname.split(".");
  const named = hostname === service || hostname.startsWith(`${service}.`);
  return named && (namespace === undefined || ofService === namespace);
}

/** A connected proxy that uses a service, and whether it balances by latency. */
export interface User {
  readonly id: string;
  readonly canBalance: boolean;
}

/** The connected proxies that use a service. */
export function usersOf(
  proxies: readonly ConnectedProxy[],
  service: string,
  namespace: string | undefined,
): readonly User[] {
  return proxies
    .filter(({ types }) =>
      Object.keys(types[clusterType]?.held ?? {}).some((cluster) => isOfService(cluster, service, namespace)),
    )
    .map(({ id, node }) => ({ id, canBalance: canBalanceByLatency(node) }));
}

export function latenciesOf(
  client: string,
  page: BalancerPage,
  service: string,
  namespace: string | undefined,
): readonly EndpointLatency[] {
  return page.flatMap(({ name, endpoints }) => {
    const reference = parseClusterName(name);
    if (reference?.kind !== "service" || !isOfService(name, service, namespace)) return [];
    const { hostname, port, subset } = reference;
    return endpoints.map((endpoint) => ({ client, host: hostname, port, subset, ...endpoint }));
  });
}
