// What the control plane is told when it starts.
import { parseArgs } from "node:util";
import { isOutboundTrafficMode, type OthersPolicy, othersPolicyOf } from "#model/others.ts";

export interface Settings {
  /** Directory of the mesh's state. */
  readonly state: string;
  /** Where proxies connect. */
  readonly listen: { readonly address: string; readonly port: number };
  /** The user's files and folders. */
  readonly paths: readonly string[];
  readonly trustDomain: string;
  /** Milliseconds. */
  readonly certificateLifetimeMs: number;
  readonly mesh: { readonly outboundTrafficPolicy: OthersPolicy };
}

const day = 24 * 60 * 60 * 1000;

/**
 * Reads the command line, and `HEDDLE_CERTIFICATE_LIFETIME_MS` for tests of renewal; throws with the usage when
 * something is missing.
 */
export function readSettings(argv: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      state: { type: "string" },
      listen: { type: "string" },
      "trust-domain": { type: "string", default: "cluster.local" },
      "outbound-traffic-policy": { type: "string", default: "ALLOW_ANY" },
    },
  });
  const [address, port] = values.listen?.split(":") ?? [];
  const mode = values["outbound-traffic-policy"];
  const certificateLifetimeMs = Number(env.HEDDLE_CERTIFICATE_LIFETIME_MS ?? day);
  if (
    values.state === undefined ||
    address === undefined ||
    !(Number(port) > 0) ||
    !(certificateLifetimeMs > 0) ||
    !isOutboundTrafficMode(mode)
  ) {
    throw new Error(
      "usage: main.ts --state DIR --listen ADDRESS:PORT [--trust-domain NAME] [--outbound-traffic-policy ALLOW_ANY|REGISTRY_ONLY] PATH...",
    );
  }
  return {
    state: values.state,
    listen: { address, port: Number(port) },
    paths: positionals,
    trustDomain: values["trust-domain"],
    certificateLifetimeMs,
    mesh: { outboundTrafficPolicy: othersPolicyOf(mode) },
  };
}
