import { Option } from "commander";
import { outboundTrafficModes } from "#model/others.ts";

/** Of `heddle up` and `heddle install`. */
export function outboundTrafficOption(): Option {
  return new Option(
    "--outbound-traffic-policy <mode>",
    "to what no Service and no ServiceEntry declares: goes where it was dialled, or is refused",
  )
    .choices(outboundTrafficModes)
    .default("ALLOW_ANY");
}
