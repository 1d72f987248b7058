import type { Fetch } from "#collections/graph.ts";
import type { HostPolicy } from "#model/host-policy.ts";
import { rootNamespaces } from "#model/installation.ts";
import { hostPolicy } from "#model/istio/destination-policy.ts";
import type { DestinationRule } from "#model/istio/destination-rule.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { isWithinVisibility } from "#model/visibility.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { byAge } from "../routing/by-age.ts";
import { hostPatterns, meantHostnames, serviceOfHost } from "../services/services.ts";
import { unknownHost } from "./host.ts";
import { type CheckInputs, selected } from "./inputs.ts";
import { checkTrafficPolicy } from "./traffic-policy.ts";

/** Host, subsets and policies of a DestinationRule. */
export function checkDestinationRule(
  rule: DestinationRule,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { host, trafficPolicy, subsets = [] } = rule.spec;
  const { namespace = "default" } = rule.metadata;
  const services = servicesOf(rule, inputs, fetch);
  if (services.length === 0) return [unknownHost("spec.host", host, namespace)];
  const context = { namespace, services, inputs, fetch };
  return [
    ...checkNamespace(rule, services),
    ...checkOthers(rule, inputs, fetch),
    ...checkSelector(rule, inputs, fetch),
    ...checkTrafficPolicy(trafficPolicy, "spec.trafficPolicy", context),
    ...subsets.flatMap((subset, index) =>
      checkTrafficPolicy(subset.trafficPolicy, `spec.subsets[${index}].trafficPolicy`, context),
    ),
    ...checkSubsets(rule),
  ];
}

/** The services that a rule is for. */
function servicesOf(
  { metadata, spec }: DestinationRule,
  { routing }: CheckInputs,
  fetch: Fetch,
): readonly MeshService[] {
  if (!spec.host.includes("*")) {
    const service = serviceOfHost(routing, fetch, spec.host, metadata.namespace ?? "default");
    return service === undefined ? [] : [service];
  }
  return fetch.all(routing.services).filter(({ hostname }) => hostPatterns(hostname).includes(spec.host));
}

/** Rules are looked for where the client is, where the service is, and in the root namespaces. */
function checkNamespace(
  { metadata, spec }: DestinationRule,
  services: readonly MeshService[],
): readonly CheckFinding[] {
  const { namespace = "default" } = metadata;
  const isElsewhere = services.every((service) => service.namespace !== namespace);
  const { exportTo = [] } = spec;
  const forOthers = exportTo.some((to) => to !== "." && to !== namespace);
  if (!isElsewhere || !forOthers || rootNamespaces.includes(namespace)) return [];
  const message = `${spec.host} is of another namespace, so that the rule is for clients of namespace ${namespace} alone; move it to the namespace of the service`;
  return [warning("spec.exportTo", message)];
}

/** Of rules for one host and the same clients the first that has a policy for the host decides it, and so for each subset. */
function checkOthers(rule: DestinationRule, { routing }: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  const { metadata, spec } = rule;
  const { namespace = "default" } = metadata;
  const { clientLabels, visibility } = hostPolicy(rule);
  const sameClients = (other: HostPolicy) =>
    other.metadata.namespace === namespace &&
    JSON.stringify(other.clientLabels) === JSON.stringify(clientLabels) &&
    isWithinVisibility(visibility, other.visibility);
  const [host = spec.host] = meantHostnames(spec.host, namespace).slice(-1);
  const earlier = fetch
    .by(routing.policiesByHost, host)
    .filter((other) => byAge(other, rule) < 0 && sameClients(other))
    .sort(byAge);
  const decides = earlier.find(({ policy }) => policy !== undefined);
  const subsets = (spec.subsets ?? []).map(({ name }, index) => ({
    index,
    name,
    owner: earlier.find((other) => other.subsets.some((subset) => subset.name === name)),
  }));
  const lost = subsets.filter(({ owner }) => owner !== undefined);
  const policyLost = spec.trafficPolicy !== undefined && decides !== undefined;
  const losesAll =
    lost.length === subsets.length && (policyLost || (spec.trafficPolicy === undefined && lost.length > 0));
  if (losesAll) {
    const owner = decides ?? lost[0]?.owner;
    const name = owner === undefined ? "" : objectKey(owner.metadata);
    const message = `has no effect: DestinationRule ${name} is for ${spec.host} already; put both into one`;
    return [warning("spec.host", message, "Conflicted")];
  }
  return [
    ...(policyLost
      ? [
          warning(
            "spec.trafficPolicy",
            `has no effect: DestinationRule ${objectKey(decides.metadata)} has one for ${spec.host} already`,
          ),
        ]
      : []),
    ...lost.map(({ index, name, owner }) =>
      warning(
        `spec.subsets[${index}].name`,
        `has no effect: DestinationRule ${owner === undefined ? "" : objectKey(owner.metadata)} has a subset ${name} already`,
      ),
    ),
  ];
}

function checkSelector(rule: DestinationRule, inputs: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  const labels = rule.spec.workloadSelector?.matchLabels ?? {};
  const { namespace = "default" } = rule.metadata;
  if (Object.keys(labels).length === 0 || selected(inputs, fetch, namespace, labels).length > 0) return [];
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  const message = `no workload in namespace ${namespace} has the labels ${pairs.join(", ")}`;
  return [warning("spec.workloadSelector.matchLabels", message)];
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
