import { firstOfEach } from "../first-of-each.ts";
import { othersPolicyOf } from "../others.ts";
import type { IngressPort, SidecarScope } from "../sidecar.ts";
import { connectionPool } from "./connection-limits.ts";
import type { Sidecar, SidecarEgress, SidecarIngress } from "./sidecar.ts";
import { egressPart } from "./sidecar-egress.ts";
import { ingressPart } from "./sidecar-ingress.ts";

/** API object → domain type. */
export function sidecarScope({ metadata, spec }: Sidecar): SidecarScope {
  const { name, namespace = "default", creationTimestamp = "" } = metadata;
  return {
    namespace,
    selector: spec.workloadSelector?.labels ?? {},
    ...egressOf(spec.egress ?? []),
    others: othersOf(spec.outboundTrafficPolicy),
    ingress: spec.ingress === undefined || spec.ingress.length === 0 ? undefined : ingressOf(spec.ingress),
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
    egressListeners: firstOfEach(
      parts.flatMap((part) => (part.kind === "listener" ? [part.listener] : [])),
      ({ at }) => JSON.stringify(at),
    ),
    egressAddresses: parts.flatMap((part) => (part.kind === "address" ? [part.address] : [])),
  };
}

function ingressOf(written: readonly SidecarIngress[]): readonly IngressPort[] {
  const parts = written.map(ingressPart).flatMap((part) => ("fault" in part ? [] : [part]));
  return firstOfEach(parts, ({ port }) => port);
}

function poolOf(pool: SidecarIngress["connectionPool"]): Pick<SidecarScope, "connectionPool"> {
  return pool === undefined ? {} : { connectionPool: connectionPool(pool) };
}
