/** The module that makes Envoy balance by latency: lb/, docs/latency-aware.md. */

/** Of the module; a control plane gives clusters with it to no proxy that has another one. */
export const balancerVersion = "1.0.0";
export const balancerFile = "lb.so";
/** Where a proxy finds it, in its image and in the containers of a mesh on one machine. */
export const balancerPath = `/heddle/${balancerFile}`;
/** The page of Envoy's admin interface that tells what the balancers know. */
export const balancerPage = "/heddle_endpoints";

/** The name under which a proxy says in its node which version it has. */
export const balancerMetadataKey = "balancer";
/** The releases of Envoy whose interface the module is made for. */
const envoyRelease = "1.40.";

/** Whether a proxy that says so of itself can balance by latency. */
export function canBalanceByLatency(node: {
  readonly version: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}): boolean {
  return node.version.startsWith(envoyRelease) && node.metadata[balancerMetadataKey] === balancerVersion;
}
