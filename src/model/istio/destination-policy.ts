import { type DestinationPolicy, defaultLoadBalancing, type LoadBalancing } from "../policy.ts";
import type { DestinationRule, IstioTrafficPolicy } from "./destination-rule.ts";

/** API object → domain type. */
export function destinationPolicy(rule: DestinationRule): DestinationPolicy {
  const loadBalancing = loadBalancingOf(rule.spec.trafficPolicy) ?? defaultLoadBalancing;
  return {
    loadBalancing,
    subsets: (rule.spec.subsets ?? []).map((subset) => ({
      name: subset.name,
      labels: subset.labels ?? {},
      loadBalancing: loadBalancingOf(subset.trafficPolicy) ?? loadBalancing,
    })),
    origin: {
      kind: "DestinationRule",
      namespace: rule.metadata.namespace ?? "default",
      name: rule.metadata.name,
    },
  };
}

function loadBalancingOf(policy: IstioTrafficPolicy | undefined): LoadBalancing | undefined {
  switch (policy?.loadBalancer?.simple) {
    case "ROUND_ROBIN":
      return "roundRobin";
    case "RANDOM":
      return "random";
    case "LEAST_REQUEST":
    case "LEAST_CONN":
      return "leastRequest";
    default:
      return undefined;
  }
}
