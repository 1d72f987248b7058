import type { Origin } from "./reference.ts";

/** How requests are spread over the endpoints of a cluster. */
export type LoadBalancing = "leastRequest" | "roundRobin" | "random";

/** What a DestinationRule says of a host and of its subsets. */
export interface DestinationPolicy {
  readonly loadBalancing: LoadBalancing;
  readonly subsets: readonly Subset[];
  readonly origin: Origin;
}

export interface Subset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly loadBalancing: LoadBalancing;
}

export const defaultLoadBalancing: LoadBalancing = "leastRequest";
