import type { HostPolicy } from "../host-policy.ts";
import { present } from "../present.ts";
import { visibilityOf } from "../visibility.ts";
import { credentialNames, type DestinationRule } from "./destination-rule.ts";
import { policyOfPorts } from "./traffic-policy.ts";

/** API object → domain type. */
export function hostPolicy(rule: DestinationRule): HostPolicy {
  const { namespace = "default", name, creationTimestamp } = rule.metadata;
  const { host, trafficPolicy, subsets = [], workloadSelector } = rule.spec;
  return {
    metadata: { namespace, name, ...present({ creationTimestamp }) },
    host,
    visibility: visibilityOf(rule),
    ...present({
      clientLabels: workloadSelector === undefined ? undefined : (workloadSelector.matchLabels ?? {}),
      policy: trafficPolicy === undefined ? undefined : policyOfPorts(trafficPolicy),
    }),
    subsets: subsets.map((subset) => ({
      name: subset.name,
      labels: subset.labels ?? {},
      policy: policyOfPorts(subset.trafficPolicy),
    })),
    credentials: credentialNames(rule),
    origin: { kind: "DestinationRule", namespace, name },
  };
}
