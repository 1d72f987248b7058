// The kinds of heddle.dev.
import type { Manifest } from "../object.ts";
import { adaptiveConcurrencyDefinition } from "./adaptive-concurrency.ts";
import { policyDefinition } from "./policy.ts";
import { rateLimitDefinition } from "./rate-limit.ts";

/** Their CustomResourceDefinitions, for a version of Heddle. */
export function customResourceDefinitions(version: string): readonly Manifest[] {
  return [rateLimitDefinition, adaptiveConcurrencyDefinition].map((policy) =>
    policyDefinition(policy, version),
  );
}
