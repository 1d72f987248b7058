import { isHostname, longestHostname } from "#model/hostname.ts";
import { type CheckFinding, error } from "../finding.ts";

/** Names with letters, digits and hyphens, one `*` before them at most: no URL, no port. `*` alone is not for all objects. */
export function checkHostname(host: string, field: string): readonly CheckFinding[] {
  return isHostname(host) ? [] : [noHost(host, field)];
}

/** It cannot be the name of a host. */
export function noHost(host: string, field: string): CheckFinding {
  const said = host.length > longestHostname ? `${host.slice(0, longestHostname)}…` : host;
  const message = `${said} is no host; write a name such as www.example.com, or *.example.com for all below`;
  return error(field, message, "UnsupportedValue");
}
