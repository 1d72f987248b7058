import { protocolOfWord } from "../kubernetes/mesh-service.ts";
import { othersPolicyOf } from "../others.ts";
import type { IngressEndpoint, IngressPort, SidecarScope } from "../sidecar.ts";
import { connectionPool } from "./connection-limits.ts";
import type { Sidecar, SidecarEgress, SidecarIngress } from "./sidecar.ts";
import { egressPart } from "./sidecar-egress.ts";

/** API object → domain type. */
export function sidecarScope({ metadata, spec }: Sidecar): SidecarScope {
  const { name, namespace = "default", creationTimestamp = "" } = metadata;
  return {
    namespace,
    selector: spec.workloadSelector?.labels ?? {},
    ...egressOf(spec.egress ?? []),
    others: othersOf(spec.outboundTrafficPolicy),
    ingress:
      spec.ingress === undefined || spec.ingress.length === 0 ? undefined : spec.ingress.flatMap(ingressPort),
    ...poolOf(spec.inboundConnectionPool),
    created: creationTimestamp,
    origin: { kind: "Sidecar", namespace, name },
  };
}

/** A policy without a mode is REGISTRY_ONLY, the first of its values. A proxy is for what would pass. */
function othersOf(policy: Sidecar["spec"]["outboundTrafficPolicy"]): SidecarScope["others"] {
  if (policy === undefined) return undefined;
  const { mode = "REGISTRY_ONLY", egressProxy } = policy;
  if (mode !== "ALLOW_ANY" || egressProxy === undefined) return othersPolicyOf(mode);
  const { host, subset = "", port } = egressProxy;
  return { host, subset, port: port?.number };
}

function egressOf(
  written: readonly SidecarEgress[],
): Pick<SidecarScope, "egress" | "egressListeners" | "egressAddresses"> {
  const parts = written.map(egressPart);
  return {
    egress:
      written.length === 0 ? undefined : parts.flatMap((part) => (part.kind === "scope" ? [part.scope] : [])),
    egressListeners: parts.flatMap((part) => (part.kind === "listener" ? [part.listener] : [])),
    egressAddresses: parts.flatMap((part) => (part.kind === "address" ? [part.address] : [])),
  };
}

function ingressPort({
  port,
  defaultEndpoint,
  connectionPool: pool,
}: SidecarIngress): readonly IngressPort[] {
  if (port.number === undefined) return [];
  const endpoint = ingressEndpoint(defaultEndpoint);
  const protocol = protocolOfWord(port.protocol ?? "") ?? "detect";
  return endpoint === undefined ? [] : [{ port: port.number, protocol, endpoint, ...poolOf(pool) }];
}

function poolOf(pool: SidecarIngress["connectionPool"]): Pick<SidecarScope, "connectionPool"> {
  return pool === undefined ? {} : { connectionPool: connectionPool(pool) };
}

/** Undefined if it is no endpoint that a sidecar can reach. */
export function ingressEndpoint(text = ""): IngressEndpoint | undefined {
  if (text === "") return { kind: "pod", port: undefined };
  if (text.startsWith("unix://")) return { kind: "socket", path: text.slice("unix://".length) };
  const [host, portText] = splitPort(text);
  const port = Number(portText);
  if (!(port > 0 && port < 65_536)) return undefined;
  if (host === "127.0.0.1") return { kind: "loopback", port };
  return host === "0.0.0.0" ? { kind: "pod", port } : undefined;
}

function splitPort(text: string): readonly [string, string] {
  const colon = text.lastIndexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1)];
}
