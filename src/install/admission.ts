import type { Manifest } from "./object.ts";
import type { InstallationSettings } from "./settings.ts";

/** What makes the API server inject and refuse, in the chosen way. */
export function admission(_settings: InstallationSettings): readonly Manifest[] {
  return [];
}
