const label = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?";
const hostname = new RegExp(`^(?:\\*[.-]?)?${label}(?:\\.${label})*\\.?$`, "iu");

/** As DNS has it. */
const longest = 253;

/** Names with letters, digits and hyphens, one `*` before them at most: no URL, no port. `*` alone is not for all objects. */
export function isHostname(host: string): boolean {
  return host.length <= longest && hostname.test(host);
}

/** The same, where `*` stands for labels alone, as in `*.example.com`. */
export function isOutsideHostname(host: string): boolean {
  return isHostname(host) && (!host.startsWith("*") || host.startsWith("*."));
}
