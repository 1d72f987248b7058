import { listed } from "./listed.ts";

/** Why a port of a service, which may be unsaid, is none, and what to do about it. `object`: the service. */
export function missingPort(object: string, port: number | undefined, ports: readonly number[]): string {
  // As that of a Service of the type ExternalName may be.
  if (ports.length === 0) return `${object} has no ports; give it those that its clients call`;
  return port === undefined
    ? `port is missing; the ports of ${object} are ${listed(ports)}`
    : `${object} has no port ${port}; its ports are ${listed(ports)}`;
}
