import type { DestinationPolicy } from "../policy.ts";
import type { DestinationRule } from "./destination-rule.ts";
import { policyOfPorts } from "./traffic-policy.ts";

/**
 * API objects → domain type: rules for one host, the one that goes first at the front. The first one that has a policy
 * for the whole host decides it, and of subsets with one name the first one counts.
 */
export function destinationPolicy(rules: readonly DestinationRule[]): DestinationPolicy {
  const subsets = rules.flatMap(({ spec }) => spec.subsets ?? []);
  return {
    policy: policyOfPorts(rules.find(({ spec }) => spec.trafficPolicy !== undefined)?.spec.trafficPolicy),
    subsets: subsets
      .filter(({ name }, index) => subsets.findIndex((other) => other.name === name) === index)
      .map(({ name, labels = {}, trafficPolicy }) => ({
        name,
        labels,
        policy: policyOfPorts(trafficPolicy),
      })),
    origins: rules.map(({ metadata }) => ({
      kind: "DestinationRule",
      namespace: metadata.namespace ?? "default",
      name: metadata.name,
    })),
  };
}
