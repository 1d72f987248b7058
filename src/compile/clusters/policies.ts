// Which destination policy a client's requests to a service are subject to.
import type { Fetch } from "#collections/graph.ts";
import { destinationPolicy, type HostPolicy, isFor } from "#model/host-policy.ts";
import { rootNamespaces } from "#model/installation.ts";
import { type DestinationPolicy, policyOf, type TrafficPolicy } from "#model/policy.ts";
import type { MeshService } from "#model/service.ts";
import type { Client } from "../clients/clients.ts";
import { byAge } from "../routing/by-age.ts";
import type { RoutingInputs } from "../routing/routing-inputs.ts";
import { hostPatterns } from "../services/services.ts";

type Asker = Pick<Client, "namespace" | "labels">;
type Asked = Pick<MeshService, "namespace" | "hostname">;
type Lookup = Pick<RoutingInputs, "policiesByHost">;

/**
 * The policies that count for a client's requests to a service, the one that goes first at the front: those of
 * the client's namespace, else of the service's, else of a root namespace.
 * https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration
 */
export function hostPoliciesFor(
  inputs: Lookup,
  fetch: Fetch,
  client: Asker,
  service: Asked,
): readonly HostPolicy[] {
  // Looked up once for all namespaces, and mostly there are none: this is asked for each client and service.
  const byHost = hostPatterns(service.hostname).map((host) => fetch.by(inputs.policiesByHost, host));
  if (byHost.every((policies) => policies.length === 0)) return [];
  const own = rootNamespaces.includes(client.namespace) ? [] : [client.namespace];
  for (const namespace of new Set([...own, service.namespace, ...rootNamespaces])) {
    const found = policiesOfNamespace(byHost, client, namespace);
    if (found.length > 0) return found;
  }
  return [];
}

/** Of one namespace: for the most specific host, and for the client by its labels before any client. */
function policiesOfNamespace(
  byHost: readonly (readonly HostPolicy[])[],
  client: Asker,
  namespace: string,
): readonly HostPolicy[] {
  for (const all of byHost) {
    const rules = all
      .filter((rule) => rule.metadata.namespace === namespace && isFor(rule, client))
      .sort(byAge);
    const chosen = rules.filter(({ clientLabels }) => clientLabels !== undefined);
    const found = chosen.length > 0 ? chosen : rules;
    if (found.length > 0) return found;
  }
  return [];
}

/** What those that count say of a service; undefined where there are none. */
export function destinationPolicyOf(
  inputs: Lookup,
  fetch: Fetch,
  client: Asker,
  service: Asked,
): DestinationPolicy | undefined {
  const policies = hostPoliciesFor(inputs, fetch, client, service);
  return policies.length === 0 ? undefined : destinationPolicy(policies);
}

/** What holds for a client's requests to a port of a service, or of a subset of it. */
export function trafficPolicyOf(
  inputs: Lookup,
  fetch: Fetch,
  client: Asker,
  service: Asked,
  { subset, port }: { readonly subset: string; readonly port: number },
): TrafficPolicy {
  return policyOf(destinationPolicyOf(inputs, fetch, client, service), subset, port);
}
