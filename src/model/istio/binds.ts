import type { Bind } from "../sidecar.ts";

const unixPrefix = "unix://";

/**
 * Where a Sidecar has its proxy listen: `x.x.x.x` with a port beside it, `unix:///PATH`, or `unix://@NAME` for a name that
 * is in no file system. Undefined for anything else.
 */
export function bindOf(text: string, port: number | undefined): Bind | undefined {
  if (text.startsWith(unixPrefix)) {
    const path = text.slice(unixPrefix.length);
    return /^[@/]./.test(path) ? { kind: "socket", path } : undefined;
  }
  const isIpv4 = /^(\d{1,3}\.){3}\d{1,3}$/.test(text);
  return isIpv4 && port !== undefined && port > 0 ? { kind: "address", address: text, port } : undefined;
}

/** Whether connections to an address stay in the pod, where nothing captures them. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}

/** What is wrong with a part of a Sidecar, which then has no effect. */
export interface PartFault {
  /** In the part. */
  readonly field: string;
  readonly message: string;
}
