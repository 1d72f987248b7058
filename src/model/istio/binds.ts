import { isIpv4 } from "../address-ranges.ts";
import { isPort } from "../counts.ts";
import { type Faulty, faulty } from "../field-fault.ts";
import type { Bind } from "../sidecar.ts";
import type { SidecarIngress } from "./sidecar.ts";

const unixPrefix = "unix://";

/**
 * Where a Sidecar has its proxy listen: `x.x.x.x` with a port beside it, `unix:///PATH`, or `unix://@NAME` for a name that
 * is in no file system. Undefined for anything else.
 */
function bindOf(text: string, port: number | undefined): Bind | undefined {
  if (text.startsWith(unixPrefix)) {
    const path = text.slice(unixPrefix.length);
    return isSocketPath(path) || /^@[^\0]{1,106}$/.test(path) ? { kind: "socket", path } : undefined;
  }
  return isIpv4(text) && port !== undefined && isPort(port)
    ? { kind: "address", address: text, port }
    : undefined;
}

/** As long as the kernel has them. */
export function isSocketPath(path: string): boolean {
  return /^\/[^\0]*[^\0/]$/.test(path) && Buffer.byteLength(path) <= 107;
}

/** Whether connections to an address stay in the pod, where nothing captures them. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}

/** Where connections come from that a part of a Sidecar is for. */
export type Place =
  /** Those that are captured, whatever address they are for. */
  | { readonly kind: "anywhere" }
  | { readonly kind: "address"; readonly address: string; readonly port: number }
  /** Those to a listener of the sidecar's own. */
  | { readonly kind: "listener"; readonly at: Bind };

/** `uncaptured`: the address of a listener that is said to have none. */
export function placeOf(
  { bind = "", captureMode = "DEFAULT" }: Pick<SidecarIngress, "bind" | "captureMode">,
  port: number | undefined,
  uncaptured: string,
): Place | Faulty {
  if (bind === "" && captureMode !== "NONE") return { kind: "anywhere" };
  const at = bindOf(bind === "" ? uncaptured : bind, port);
  if (at === undefined) {
    return faulty("bind", `${bind} is not supported; use an IPv4 address, unix:///PATH or unix://@NAME`);
  }
  if (at.kind === "socket" && captureMode === "IPTABLES") {
    return faulty("captureMode", "nothing that goes to a socket is captured; use NONE");
  }
  if (at.kind === "socket" || captureMode === "NONE") return { kind: "listener", at };
  if (at.address === "0.0.0.0") return { kind: "anywhere" };
  return isLoopback(at.address)
    ? faulty(
        "captureMode",
        `connections to ${at.address} are not captured; with NONE the sidecar listens there`,
      )
    : at;
}
