// Which policies have effect on an object: they name it, and of several for one place the oldest goes first.
// https://gateway-api.sigs.k8s.io/geps/gep-713/
import type { Collection, Fetch, Index } from "#collections/graph.ts";
import type { PolicyTargetReference } from "#model/gateway-api/policy-status.ts";
import type { AdaptiveConcurrency } from "#model/heddle/adaptive-concurrency.ts";
import type { RateLimit } from "#model/heddle/rate-limit.ts";
import { kindName } from "#model/reference.ts";
import { byAge } from "./by-age.ts";
import { policyFaults } from "./policy-faults.ts";

export type Policy = RateLimit | AdaptiveConcurrency;

/** What policies are attached to; `kind` is that of `kindName`. */
export interface PolicyTarget {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The policies that can have effect, by what they are for. */
export function policiesByTarget<P extends Policy>(policies: Collection<P>, purpose: string): Index<P> {
  return policies.index(`by target for ${purpose}`, (policy) =>
    policyFaults(policy).length > 0
      ? []
      : new Set(policy.spec.targetRefs.map((target) => keyOf(targetOf(policy, target)))),
  );
}

/** The object that a reference of a policy names, in the policy's own namespace. */
export function targetOf({ metadata }: Policy, reference: PolicyTargetReference): PolicyTarget {
  return { kind: kindOf(reference), namespace: metadata.namespace ?? "default", name: reference.name };
}

function kindOf({ group, kind }: PolicyTargetReference): string {
  return kindName({ apiVersion: `${group}/`, kind });
}

/** The one policy for each part of an object, in order of age; the part "" is the whole. */
export function policiesOn<P extends Policy>(
  policies: Index<P>,
  fetch: Fetch,
  target: PolicyTarget,
): ReadonlyMap<string, P> {
  const found = new Map<string, P>();
  for (const policy of [...fetch.by(policies, keyOf(target))].sort(byAge)) {
    for (const reference of policy.spec.targetRefs) {
      const { name, sectionName = "" } = reference;
      if (kindOf(reference) === target.kind && name === target.name && !found.has(sectionName)) {
        found.set(sectionName, policy);
      }
    }
  }
  return found;
}

function keyOf({ kind, namespace, name }: PolicyTarget): string {
  return `${kind} ${namespace}/${name}`;
}
