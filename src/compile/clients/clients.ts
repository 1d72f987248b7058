// What configuration depends on about the proxy that asks: clients that are alike share it.
import { hasLabels } from "#model/object.ts";
import type { Route, RouteSource } from "#model/route.ts";
import type { Workload } from "#model/workload.ts";

/** Whoever asks for configuration, as far as it matters to what it gets. */
export interface Client {
  /** All of it, as part of the keys of resources. */
  readonly key: string;
  readonly namespace: string;
  /** The values of those labels, of its own or of where it runs, that some rule reads of the sources of requests. */
  readonly labels: Readonly<Record<string, string>>;
  /** The key of the Sidecar that limits what it may know. */
  readonly sidecar: string | undefined;
  /** Whether it has the module that balances by latency. */
  readonly balancesByLatency: boolean;
}

/** A proxy as a client. `labelsRead`: the names of labels that rules read; `sidecar`: the key of its Sidecar. */
export function clientOf(workload: Workload, labelsRead: readonly string[], sidecar?: string): Client {
  const known = { ...workload.labels, ...workload.topology };
  const labels = labelsRead.flatMap((name) => {
    const value = known[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return newClient(workload.namespace, Object.fromEntries(labels), sidecar);
}

/** A client by its key, or by a namespace alone. */
export function clientOfKey(key: string): Client {
  const [rest = "", suffix] = key.split("#");
  const [scope = "", query = ""] = rest.split("?");
  const [namespace = "", sidecar] = scope.split("|");
  const labels = Object.fromEntries(new URLSearchParams(query));
  return newClient(namespace, labels, sidecar, suffix === balancerSuffix);
}

/** Whether what is for a source is for a client. */
export function isSource({ namespace, labels }: Client, source: RouteSource | undefined): boolean {
  if (source === undefined) return true;
  return (
    (source.namespace === undefined || source.namespace === namespace) && hasLabels(labels, source.labels)
  );
}

/** Undefined where all that there is is for others: then the service is as if there were no routes. */
export function routesForClient(routes: readonly Route[], client: Client): readonly Route[] | undefined {
  const own = routes.filter(({ source }) => isSource(client, source));
  return own.length === 0 && routes.length > 0 ? undefined : own;
}

/** The same client with the module that balances by latency. */
export function withBalancer({ namespace, labels, sidecar }: Client): Client {
  return newClient(namespace, labels, sidecar, true);
}

const balancerSuffix = "balancer";

function newClient(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  sidecar: string | undefined,
  balancesByLatency = false,
): Client {
  const scope = sidecar === undefined ? namespace : `${namespace}|${sidecar}`;
  const query = new URLSearchParams(labels).toString();
  const base = query === "" ? scope : `${scope}?${query}`;
  const key = balancesByLatency ? `${base}#${balancerSuffix}` : base;
  return { key, namespace, labels, sidecar, balancesByLatency };
}
