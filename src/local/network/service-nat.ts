import { runProgram } from "../run-program.ts";
import type { ServiceEndpoints } from "./service-endpoints.ts";
import { serviceRules } from "./service-rules.ts";

/** Keeps the rules of the node namespace in step with the services. */
export interface ServiceNat {
  /** The services as they are now; a burst of changes ends in one update. */
  update(services: readonly ServiceEndpoints[]): void;
  /** Resolves when what was said last is in effect. */
  settled(): Promise<void>;
}

/** Runs in the node namespace. A refused ruleset is reported and leaves the last one in place. */
export function startServiceNat(onFailure: (error: unknown) => void): ServiceNat {
  let applied = "";
  let wanted = "";
  let applying: Promise<void> | undefined;

  async function apply(): Promise<void> {
    while (applied !== wanted) {
      const rules = wanted;
      await runProgram("nft", ["-f", "-"], { input: rules }).catch(onFailure);
      applied = rules;
    }
    applying = undefined;
  }

  return {
    update(services) {
      wanted = serviceRules(services);
      if (applied !== wanted) applying ??= apply();
    },
    settled: () => applying ?? Promise.resolve(),
  };
}
