import { join } from "node:path";
import { isExecutable } from "#runtime/executable.ts";

/** The programs that a mesh on this machine is built with, and the Debian package that each comes in. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  bash: "bash",
  nsenter: "util-linux",
  unshare: "util-linux",
  setpriv: "util-linux",
  flock: "util-linux",
};

/** Why no mesh can run here, with what to do about it; nothing if one can. */
export function missingRequirement(): string | undefined {
  if (process.platform !== "linux")
    return `a mesh on one machine needs Linux (network namespaces); this is ${process.platform}. In a Linux virtual machine it works.`;
  if (process.getuid?.() !== 0)
    return "a mesh makes network namespaces, which only root may do; run it again with sudo";
  const missing = Object.keys(PROGRAMS).filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.map((program) => PROGRAMS[program]))].join(" ");
  return `${missing.join(", ")} not found; on Debian and Ubuntu: apt-get install ${packages}`;
}

/** The path of a program, if PATH has it. */
export function findProgram(name: string): string | undefined {
  const directories = (process.env["PATH"] ?? "").split(":").filter((directory) => directory !== "");
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}
