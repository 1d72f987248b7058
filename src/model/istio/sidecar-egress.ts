// What a part of a Sidecar's egress means: hosts that may be known wherever they are, or hosts at a place of their own.
// https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioEgressListener
import { isPort, noPort } from "../counts.ts";
import { type Faulty, faulty } from "../field-fault.ts";
import { protocolOfWord } from "../port-protocol.ts";
import type { EgressAddress, EgressListener, EgressScope, HostScope } from "../sidecar.ts";
import { placeOf } from "./binds.ts";
import type { SidecarEgress } from "./sidecar.ts";

/** By what is written in it. */
export type EgressPart =
  | { readonly kind: "scope"; readonly scope: EgressScope }
  | { readonly kind: "listener"; readonly listener: EgressListener }
  | { readonly kind: "address"; readonly address: EgressAddress }
  | ({ readonly kind: "fault" } & Faulty);

/** API object → domain type. */
export function egressPart(part: SidecarEgress): EgressPart {
  const { port, bind = "", captureMode } = part;
  const number = port?.number === 0 ? undefined : port?.number;
  if (number !== undefined && !isPort(number)) return fault("port.number", noPort(number));
  const isBound = bind !== "" || captureMode === "NONE";
  if (isBound && number === undefined && !bind.startsWith("unix:")) {
    return fault("port", "needs the number of a port here: the one on which these hosts are reached");
  }
  const place = placeOf(part, number, "127.0.0.1");
  if ("fault" in place) return { kind: "fault", ...place };
  switch (place.kind) {
    case "anywhere":
      return { kind: "scope", scope: { port: number, hosts: hostsOf(part) } };
    case "listener":
      return listenerPart(part, { at: place.at, port: number });
    case "address":
      return { kind: "address", address: { address: place.address, port: place.port, hosts: hostsOf(part) } };
  }
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
  return { kind: "fault", ...faulty(field, message) };
}
