import { Option } from "commander";
import { DEFAULT_STATE } from "#local/state-directory.ts";

/** `--state DIR`, which every command about a mesh has. */
export function stateOption(): Option {
  return new Option("--state <directory>", "which mesh").default(DEFAULT_STATE);
}
