import type { Fetch } from "#collections/graph.ts";
import type { DestinationRule } from "#model/istio/destination-rule.ts";
import { objectKey } from "#model/reference.ts";
import { destinationRuleOf } from "../policies.ts";
import { serviceOfHost } from "../services.ts";
import { type CheckFinding, error, warning } from "./finding.ts";
import { unknownHost } from "./host.ts";
import type { CheckInputs } from "./inputs.ts";

/** Host and subsets of a DestinationRule. */
export function checkDestinationRule(
  rule: DestinationRule,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { host } = rule.spec;
  const { namespace = "default" } = rule.metadata;
  const service = serviceOfHost(inputs.routing, fetch, host, namespace);
  if (service === undefined) return [unknownHost("spec.host", host, namespace)];
  const oldest = destinationRuleOf(inputs.routing, fetch, service.hostname);
  if (oldest !== undefined && objectKey(oldest.metadata) !== objectKey(rule.metadata)) {
    const message = `has no effect: DestinationRule ${objectKey(oldest.metadata)} is for ${host} already; put both into one`;
    return [warning("spec.host", message, "Conflicted")];
  }
  return checkSubsets(rule);
}

function checkSubsets(rule: DestinationRule): readonly CheckFinding[] {
  const subsets = rule.spec.subsets ?? [];
  return subsets.flatMap(({ name }, index) => {
    const field = `spec.subsets[${index}]`;
    if (subsets.findIndex((other) => other.name === name) !== index) {
      return [error(`${field}.name`, `there is a subset ${name} already; give it another name`)];
    }
    return [];
  });
}
