// What of a Sidecar's egress cannot be, or has no effect.
import type { Fetch } from "#collections/graph.ts";
import type { Sidecar, SidecarEgress } from "#model/istio/sidecar.ts";
import { egressPart } from "#model/istio/sidecar-egress.ts";
import { isHttp } from "#model/service.ts";
import type { EgressListener } from "#model/sidecar.ts";
import { type CheckFinding, error, errorsAt, warning } from "../finding.ts";
import { canBeNamed } from "../outbound/egress-listeners.ts";
import { proxyService } from "../outbound/others.ts";
import { serviceOfHost } from "../services/services.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkDestination } from "./istio-destination.ts";

/** The parts of egress, and who gets what they do not name. */
export function checkSidecarEgress(
  { metadata: { namespace = "default" }, spec }: Sidecar,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const places = new Map<string, string>();
  return [
    ...(spec.egress ?? []).flatMap((written, index) => {
      const field = `spec.egress[${index}]`;
      const part = egressPart(written);
      const hosts = checkHosts(written, field);
      if (part.kind === "fault") {
        return [...hosts, ...errorsAt(field, [part.fault])];
      }
      if (part.kind !== "listener") return hosts;
      const place = JSON.stringify(part.listener.at);
      const first = places.get(place);
      if (first !== undefined) {
        return [
          ...hosts,
          warning(`${field}.bind`, `has no effect: ${first} is at this place already; take another`),
        ];
      }
      places.set(place, field);
      return [...hosts, ...checkListener(part.listener, written, field, namespace, inputs, fetch)];
    }),
    ...checkProxy(spec.outboundTrafficPolicy, namespace, inputs, fetch),
  ];
}

function checkHosts({ hosts }: SidecarEgress, field: string): readonly CheckFinding[] {
  return hosts.flatMap((host, index) => {
    if (/^[^/]+\/(\*|(\*\.)?[^*/]+)$/.test(host)) return [];
    const message = `${host} is no host of a Sidecar; write NAMESPACE/HOST, where either may be *`;
    return [error(`${field}.hosts[${index}]`, message, "UnsupportedValue")];
  });
}

function checkListener(
  { protocol, hosts }: EgressListener,
  written: SidecarEgress,
  field: string,
  namespace: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const isMany = hosts.length !== 1 || hosts.some(({ host }) => host.includes("*"));
  return [
    ...(protocol === "tcp" && isMany
      ? [
          warning(
            `${field}.hosts`,
            "of several hosts the first by its name has all connections; name one host",
          ),
        ]
      : []),
    ...hosts.flatMap(({ host }, index) => {
      const service = host.includes("*") ? undefined : serviceOfHost(inputs.routing, fetch, host, namespace);
      if (service === undefined || canBeNamed(service.resolution, isHttp(protocol))) return [];
      const message = `${written.hosts[index]} is found by what clients dial, and what they dial here is the sidecar; give it resolution DNS or STATIC`;
      return [warning(`${field}.hosts[${index}]`, message)];
    }),
  ];
}

function checkProxy(
  policy: Sidecar["spec"]["outboundTrafficPolicy"],
  namespace: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { mode = "REGISTRY_ONLY", egressProxy } = policy ?? {};
  if (egressProxy === undefined) return [];
  const field = "spec.outboundTrafficPolicy.egressProxy";
  if (mode !== "ALLOW_ANY") {
    return [
      warning(field, `has no effect with mode ${mode}, which refuses what is not known; use ALLOW_ANY`),
    ];
  }
  const found = checkDestination(egressProxy, namespace, field, inputs, fetch);
  const port = egressProxy.port?.number;
  if (found.length > 0 || proxyService(inputs.routing, fetch, { host: egressProxy.host, port }, namespace)) {
    return found;
  }
  return [error(`${field}.port`, `${egressProxy.host} has several ports; name one`, "UnsupportedValue")];
}
