// What configuration depends on about the proxy that asks: clients that are alike share it.
import { hasLabels } from "#model/kubernetes/object.ts";
import type { RouteSource } from "#model/route.ts";
import type { Workload } from "#model/workload.ts";

/** Whoever asks for configuration, as far as it matters to what it gets. */
export interface Client {
  /** All of it, as part of the keys of resources. */
  readonly key: string;
  readonly namespace: string;
  /** The values of those labels, of its own or of where it runs, that some rule reads of the sources of requests. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether it has the module that balances by latency. */
  readonly balancesByLatency: boolean;
}

/** A proxy as a client. `labelsRead`: the names of labels that rules read. */
export function clientOf(workload: Workload, labelsRead: readonly string[]): Client {
  const known = { ...workload.labels, ...workload.topology };
  const labels = labelsRead.flatMap((name) => {
    const value = known[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return newClient(workload.namespace, Object.fromEntries(labels));
}

/** A client by its key, or by a namespace alone. */
export function clientOfKey(key: string): Client {
  const [rest = "", suffix] = key.split("#");
  const [namespace = "", query = ""] = rest.split("?");
  return newClient(namespace, Object.fromEntries(new URLSearchParams(query)), suffix === balancerSuffix);
}

/** Whether what is for a source is for a client. */
export function isSource({ namespace, labels }: Client, source: RouteSource | undefined): boolean {
  if (source === undefined) return true;
  return (
    (source.namespace === undefined || source.namespace === namespace) && hasLabels(labels, source.labels)
  );
}

/** The same client with the module that balances by latency. */
export function withBalancer({ namespace, labels }: Client): Client {
  return newClient(namespace, labels, true);
}

const balancerSuffix = "balancer";

function newClient(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  balancesByLatency = false,
): Client {
  const query = new URLSearchParams(labels).toString();
  const base = query === "" ? namespace : `${namespace}?${query}`;
  const key = balancesByLatency ? `${base}#${balancerSuffix}` : base;
  return { key, namespace, labels, balancesByLatency };
}
