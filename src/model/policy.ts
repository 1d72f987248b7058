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

/** How many retries of requests to a service there may be, beside its requests. */
export interface RetryBudget {
  /** Of the requests, 0 to 100. */
  readonly percent: number;
  /** As many at a time may be there whatever the percentage says. */
  readonly minConcurrency: number;
  /** Milliseconds for which a request counts; undefined: while it runs. */
  readonly intervalMs?: number;
}

export const defaultLoadBalancing: LoadBalancing = "leastRequest";
