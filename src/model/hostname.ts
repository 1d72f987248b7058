const label = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?";
const hostname = new RegExp(`^(?:\\*[.-]?)?${label}(?:\\.${label})*\\.?$`, "iu");

/** https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4, without the dot at the end. */
export const longestHostname = 253;

/** Names with letters, digits and hyphens, one `*` before them at most: no URL, no port. `*` alone is not for all objects. */
export function isHostname(host: string): boolean {
  return host.length <= longestHostname && hostname.test(host);
}

/** The same, where `*` stands for labels alone, as in `*.example.com`. */
export function isOutsideHostname(host: string): boolean {
  return isHostname(host) && (!host.startsWith("*") || host.startsWith("*."));
}
