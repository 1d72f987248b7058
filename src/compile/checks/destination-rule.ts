import type { Fetch } from "#collections/graph.ts";
import type { DestinationRule } from "#model/istio/destination-rule.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { objectKey } from "#model/reference.ts";
import { byAge } from "../by-age.ts";
import { serviceKeyOfHost } from "../services.ts";
import { type CheckFinding, error, warning } from "./finding.ts";
import { type CheckInputs, selected } from "./inputs.ts";

/** Host and subsets of a DestinationRule. */
export function checkDestinationRule(
  rule: DestinationRule,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { host } = rule.spec;
  const key = serviceKeyOfHost(host, rule.metadata.namespace ?? "default");
  if (key === undefined) {
    const message = `${host} names no Service; wildcards and hosts outside the mesh are not supported yet`;
    return [warning("spec.host", message, "UnsupportedValue")];
  }
  const service = fetch.get(inputs.objects.services, key);
  if (service === undefined) {
    const message = `${host} means Service ${key}, which does not exist; define it or correct the host`;
    return [error("spec.host", message, "NoMatchingParent")];
  }
  const oldest = [...fetch.by(inputs.routing.destinationRulesByService, key)].sort(byAge)[0];
  if (oldest !== undefined && objectKey(oldest.metadata) !== objectKey(rule.metadata)) {
    const message = `has no effect: DestinationRule ${objectKey(oldest.metadata)} is for ${host} already; put both into one`;
    return [warning("spec.host", message, "Conflicted")];
  }
  return checkSubsets(rule, service, inputs, fetch);
}

function checkSubsets(
  rule: DestinationRule,
  service: Service,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const subsets = rule.spec.subsets ?? [];
  const { selector } = service.spec;
  return subsets.flatMap(({ name, labels }, index) => {
    const field = `spec.subsets[${index}]`;
    if (subsets.findIndex((other) => other.name === name) !== index) {
      return [error(`${field}.name`, `there is a subset ${name} already; give it another name`)];
    }
    if (selector === undefined) return [];
    const chosen = selected(inputs, fetch, service.metadata.namespace ?? "default", {
      ...selector,
      ...labels,
    });
    const message = `no workload behind Service ${objectKey(service.metadata)} has these labels, so subset ${name} is empty`;
    return chosen.length > 0 ? [] : [warning(`${field}.labels`, message)];
  });
}
