import type { IstioEndpoint } from "#model/istio/workload-entry.ts";
import { isIpv4 } from "../endpoints/address-ranges.ts";
import { type CheckFinding, error, warning } from "../finding.ts";

/** An endpoint that users write down. `byDns`: its address may be a name. */
export function checkEndpoint(
  { address }: IstioEndpoint,
  field: string,
  byDns: boolean,
): readonly CheckFinding[] {
  if (address === undefined || address === "") {
    return [error(`${field}.address`, "address is missing; without it nothing is there", "UnsupportedValue")];
  }
  if (isIpv4(address)) return [];
  if (address.startsWith("unix:") || address.includes(":")) {
    return [
      error(
        `${field}.address`,
        `${address} is not supported; use an IPv4 address or a name`,
        "UnsupportedValue",
      ),
    ];
  }
  return byDns
    ? []
    : [
        warning(
          `${field}.address`,
          `${address} is a name, for which nobody asks DNS; use resolution DNS, or its address`,
        ),
      ];
}
