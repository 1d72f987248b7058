// A port on which a Sidecar says that its application is reached.
// https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioIngressListener
import { isPort, noPort } from "../counts.ts";
import { type Faulty, faulty } from "../field-fault.ts";
import { protocolOfWord } from "../port-protocol.ts";
import { present } from "../present.ts";
import type { TlsTermination } from "../server-tls.ts";
import type { PortProtocol } from "../service.ts";
import type { Bind, IngressEndpoint, IngressPort } from "../sidecar.ts";
import { isLoopback, isSocketPath, placeOf } from "./binds.ts";
import { connectionPool } from "./connection-limits.ts";
import type { SidecarIngress } from "./sidecar.ts";
import { tlsTermination } from "./tls-termination.ts";

/** API object → domain type; or why nothing can be made of it. */
export function ingressPart(ingress: SidecarIngress): IngressPort | Faulty {
  const { port, defaultEndpoint, tls, connectionPool: pool } = ingress;
  if (port.number === undefined || port.number === 0) return faulty("port.number", "number is missing");
  if (!isPort(port.number)) return faulty("port.number", noPort(port.number));
  const endpoint = ingressEndpoint(defaultEndpoint);
  if (endpoint === undefined) {
    return faulty(
      "defaultEndpoint",
      `${defaultEndpoint} is not supported; use 127.0.0.1:PORT, 0.0.0.0:PORT or unix:///PATH`,
    );
  }
  const place = comingTo(ingress, port.number, endpoint);
  if ("fault" in place) return place;
  const ended = tls === undefined ? undefined : tlsTermination(tls);
  if (ended !== undefined && "fault" in ended) return faulty(`tls.${ended.fault.field}`, ended.fault.message);
  return {
    port: port.number,
    protocol: protocolOf(port.protocol, ended),
    endpoint,
    ...place,
    ...present({ tls: ended, connectionPool: pool === undefined ? undefined : connectionPool(pool) }),
  };
}

/** HTTPS and TLS are what clients speak: inside is HTTP, or bytes. */
function protocolOf(word = "", tls: TlsTermination | undefined): PortProtocol {
  const protocol = protocolOfWord(word) ?? "detect";
  if (tls === undefined || protocol !== "tls") return protocol;
  return word.toUpperCase() === "HTTPS" ? "http" : "tcp";
}

/** Where connections come from: captured ones to some address, or those to a listener of the sidecar's own. */
function comingTo(
  ingress: SidecarIngress,
  port: number,
  endpoint: IngressEndpoint,
): Pick<IngressPort, "address" | "bind"> | Faulty {
  const place = placeOf(ingress, port, "0.0.0.0");
  if ("fault" in place) return place;
  if (place.kind === "anywhere") return {};
  if (place.kind === "address") return { address: place.address };
  return isApart(place.at, endpoint)
    ? { bind: place.at }
    : faulty(
        "defaultEndpoint",
        "must say where the application listens beside the sidecar: 127.0.0.1:PORT with another port, or unix:///PATH",
      );
}

/** What is dialled is the sidecar itself: it must be told of another place. */
function isApart(at: Bind, endpoint: IngressEndpoint): boolean {
  if (endpoint.kind === "pod") return false;
  if (at.kind === "socket" || endpoint.kind === "socket") return true;
  return endpoint.port !== at.port || !(at.address === "0.0.0.0" || isLoopback(at.address));
}

function ingressEndpoint(text = ""): IngressEndpoint | undefined {
  if (text === "") return { kind: "pod", port: undefined };
  if (text.startsWith("unix://")) {
    const path = text.slice("unix://".length);
    return isSocketPath(path) ? { kind: "socket", path } : undefined;
  }
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  if (!isPort(port)) return undefined;
  const host = text.slice(0, colon);
  if (host === "127.0.0.1") return { kind: "loopback", port };
  return host === "0.0.0.0" ? { kind: "pod", port } : undefined;
}
