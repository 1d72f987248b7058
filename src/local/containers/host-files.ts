import { readdirSync, realpathSync, statSync } from "node:fs";
import type { HostFiles } from "./mount-plan.ts";

/** The file system of this machine, as it is now. */
export function hostFiles(): HostFiles {
  return {
    kindOf(path) {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined) return "absent";
      return found.isDirectory() ? "directory" : "file";
    },
    realPath: (path) => realpathSync(path),
    rootEntries: readdirSync("/"),
  };
}
