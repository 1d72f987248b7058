// What a part of a Sidecar's egress means: hosts that may be known wherever they are, or hosts at a place of their own.
// https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioEgressListener
import { protocolOfWord } from "../kubernetes/mesh-service.ts";
import type { EgressAddress, EgressListener, EgressScope, HostScope } from "../sidecar.ts";
import { bindOf, isLoopback, type PartFault } from "./binds.ts";
import type { SidecarEgress } from "./sidecar.ts";

/** By what is written in it. */
export type EgressPart =
  | { readonly kind: "scope"; readonly scope: EgressScope }
  | { readonly kind: "listener"; readonly listener: EgressListener }
  | { readonly kind: "address"; readonly address: EgressAddress }
  | { readonly kind: "fault"; readonly fault: PartFault };

/** API object → domain type. */
export function egressPart(part: SidecarEgress): EgressPart {
  const { port, bind = "", captureMode = "DEFAULT" } = part;
  const number = port?.number === 0 ? undefined : port?.number;
  const isUncaptured = captureMode === "NONE";
  if (bind === "" && !isUncaptured) return { kind: "scope", scope: { port: number, hosts: hostsOf(part) } };
  const isSocket = bind.startsWith("unix:");
  if (number === undefined && !isSocket) {
    return fault("port", "needs the number of a port here: the one on which these hosts are reached");
  }
  const at = bindOf(bind === "" ? "127.0.0.1" : bind, number);
  if (at === undefined) {
    return fault("bind", `${bind} is not supported; use an IPv4 address, unix:///PATH or unix://@NAME`);
  }
  if (at.kind === "socket") {
    if (captureMode !== "IPTABLES") return listenerPart(part, { at, port: number });
    return fault("captureMode", "nothing that goes to a socket is captured; use NONE");
  }
  if (isUncaptured) return listenerPart(part, { at, port: at.port });
  // Any address is where they are anyway.
  if (at.address === "0.0.0.0") return { kind: "scope", scope: { port: number, hosts: hostsOf(part) } };
  if (isLoopback(at.address)) {
    return fault(
      "captureMode",
      `connections to ${at.address} are not captured; with NONE the sidecar listens there`,
    );
  }
  return { kind: "address", address: { address: at.address, port: at.port, hosts: hostsOf(part) } };
}

function listenerPart(part: SidecarEgress, where: Pick<EgressListener, "at" | "port">): EgressPart {
  const protocol = protocolOfWord(part.port?.protocol ?? "");
  if (protocol === undefined) {
    return fault(
      "port.protocol",
      "says nothing of what is spoken there; use HTTP, HTTP2, GRPC, TLS, TCP or MONGO",
    );
  }
  return { kind: "listener", listener: { ...where, protocol, hosts: hostsOf(part) } };
}

function hostsOf({ hosts }: SidecarEgress): readonly HostScope[] {
  return hosts.map((text) => {
    const [namespace = "*", ...host] = text.split("/");
    return { namespace, host: host.join("/").toLowerCase() };
  });
}

function fault(field: string, message: string): EgressPart {
  return { kind: "fault", fault: { field, message } };
}
