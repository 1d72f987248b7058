import type { WorkloadEntry } from "#model/istio/workload-entry.ts";
import type { CheckFinding } from "../finding.ts";
import { checkEndpoint } from "./endpoint.ts";

/** The address of a WorkloadEntry; whether it may be a name depends on the ServiceEntries that select it. */
export function checkWorkloadEntry({ spec }: WorkloadEntry): readonly CheckFinding[] {
  return checkEndpoint(spec, "spec", true);
}
