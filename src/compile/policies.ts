// Which destination policy a client's requests to a service are subject to.
import type { Fetch } from "#collections/graph.ts";
import type { DestinationRule } from "#model/istio/destination-rule.ts";
import type { DestinationPolicy } from "#model/policy.ts";
import { objectKey } from "#model/reference.ts";
import { byAge } from "./by-age.ts";
import type { Mesh } from "./graph.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

/** The DestinationRule that counts for a hostname. */
export function destinationRuleOf(
  inputs: RoutingInputs,
  fetch: Fetch,
  hostname: string,
): DestinationRule | undefined {
  return [...fetch.by(inputs.destinationRulesByHost, hostname)].sort(byAge)[0];
}

/** The policy of the DestinationRule that counts for a hostname. */
export function destinationPolicyOf(
  mesh: Mesh,
  fetch: Fetch,
  hostname: string,
): DestinationPolicy | undefined {
  const rule = destinationRuleOf(mesh.routing, fetch, hostname);
  return rule === undefined ? undefined : fetch.get(mesh.policies, objectKey(rule.metadata));
}
