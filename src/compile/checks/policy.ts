// Policies beside what they are attached to: whether it is there, whether another policy goes first, and whether
// somebody enforces what they say.

import type { Fetch, Index } from "#collections/graph.ts";
import type { PolicyTargetReference } from "#model/gateway-api/policy-status.ts";
import { isGatewayParent } from "#model/gateway-api/references.ts";
import type { AdaptiveConcurrency } from "#model/heddle/adaptive-concurrency.ts";
import type { RateLimit } from "#model/heddle/rate-limit.ts";
import { isForConnections, isServed } from "#model/istio/gateway-servers.ts";
import { objectKey } from "#model/reference.ts";
import { isOpaque, type MeshService } from "#model/service.ts";
import { isOurGateway } from "../clients/ownership.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { policyFaults } from "../routing/policy-faults.ts";
import { type Policy, type PolicyTarget, policiesOn, targetOf } from "../routing/policy-targets.ts";
import { listed } from "../services/listed.ts";
import { type CheckInputs, selected } from "./inputs.ts";

const istioGateway = "Gateway.networking.istio.io";

/** Targets and limits of a RateLimit. */
export function checkRateLimit(
  policy: RateLimit,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { targetRefs, limits } = policy.spec;
  const bySource = limits.some(({ key = [] }) => key.some(({ type }) => type.startsWith("Source")));
  return [
    ...checkTargets(policy, inputs.routing.rateLimitsByTarget, inputs, fetch),
    ...targetRefs.flatMap((target, index) =>
      bySource && isOnGateway(targetOf(policy, target), inputs, fetch)
        ? [
            warning(
              `spec.targetRefs[${index}]`,
              "clients of a Gateway show no certificate: keys of the source count all of them as one there",
            ),
          ]
        : [],
    ),
  ];
}

/** Targets and numbers of an AdaptiveConcurrency. */
export function checkAdaptiveConcurrency(
  policy: AdaptiveConcurrency,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return checkTargets(policy, inputs.routing.adaptiveConcurrenciesByTarget, inputs, fetch);
}

function checkTargets<P extends Policy>(
  policy: P,
  policies: Index<P>,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const faults = policyFaults(policy);
  if (faults.length > 0) return faults;
  return policy.spec.targetRefs.flatMap((reference, index) => {
    const field = `spec.targetRefs[${index}]`;
    const target = targetOf(policy, reference);
    const missing = checkTarget(target, reference, field, inputs, fetch);
    if (missing.some(({ severity }) => severity === "error")) return missing;
    const first = policiesOn(policies, fetch, target).get(reference.sectionName ?? "");
    if (first === undefined || sameObject(first, policy)) return missing;
    const message = `has no effect on ${describe(target, reference)}: ${policy.kind} ${objectKey(first.metadata)} is for it and goes first, as the older or by its name; remove one of them`;
    return [...missing, warning(field, message, "Conflicted")];
  });
}

function sameObject(a: Policy, b: Policy): boolean {
  return objectKey(a.metadata) === objectKey(b.metadata);
}

function describe({ kind, namespace, name }: PolicyTarget, { sectionName }: PolicyTargetReference): string {
  return `${sectionName === undefined ? "" : `${sectionName} of `}${kind} ${namespace}/${name}`;
}

function checkTarget(
  target: PolicyTarget,
  { sectionName }: PolicyTargetReference,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { kind, namespace, name } = target;
  const parts = partsOf(target, inputs, fetch);
  if (parts === undefined) {
    const message = `there is no ${kind} ${namespace}/${name}; define it or correct the name`;
    return [error(`${field}.name`, message, "TargetNotFound")];
  }
  if (sectionName !== undefined && !parts.names.includes(sectionName)) {
    const message = `${kind} ${namespace}/${name} has no ${parts.what} named ${sectionName}; its names are ${listed(parts.names.filter((part) => part !== ""))}`;
    return [error(`${field}.sectionName`, message, "TargetNotFound")];
  }
  if (kind === "Gateway") return checkGatewayTarget(target, sectionName, field, inputs, fetch);
  if (kind === istioGateway) return checkServerTarget(target, sectionName, field, inputs, fetch);
  return kind === "Service" ? checkServiceTarget(target, sectionName, field, inputs, fetch) : [];
}

interface Parts {
  readonly what: "port" | "rule" | "listener" | "server";
  readonly names: readonly string[];
}

/** The parts of a target that a policy may be for by name; undefined where there is no such object. */
function partsOf(
  { kind, namespace, name }: PolicyTarget,
  inputs: CheckInputs,
  fetch: Fetch,
): Parts | undefined {
  const key = `${namespace}/${name}`;
  const named = (what: Parts["what"], parts: readonly { readonly name?: string }[] | undefined) =>
    parts === undefined ? undefined : { what, names: parts.map((part) => part.name ?? "") };
  const { objects, routing } = inputs;
  switch (kind) {
    case "Service":
      return named("port", fetch.get(routing.services, key)?.ports);
    case "Gateway":
      return named("listener", fetch.get(routing.gateways, key)?.spec.listeners);
    case istioGateway:
      return named("server", fetch.get(routing.istioGateways, key)?.spec.servers);
    case "GRPCRoute":
      return ofRoute(fetch.get(objects.grpcRoutes, key)?.spec);
    default:
      return ofRoute(fetch.get(objects.httpRoutes, key)?.spec);
  }
  function ofRoute(spec: { readonly rules?: readonly { readonly name?: string }[] } | undefined) {
    return spec === undefined ? undefined : named("rule", spec.rules ?? []);
  }
}

function checkGatewayTarget(
  { namespace, name }: PolicyTarget,
  sectionName: string | undefined,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const gateway = fetch.get(inputs.routing.gateways, `${namespace}/${name}`);
  if (gateway === undefined) return [];
  if (isOurGateway(inputs.objects, fetch, gateway)) {
    const meant = gateway.spec.listeners.filter(
      (each) => sectionName === undefined || each.name === sectionName,
    );
    if (meant.length === 0 || meant.some(({ protocol }) => protocol !== "TCP")) return [];
    const message = `has no effect on Gateway ${namespace}/${name}: what comes to listener ${listed(meant.map((each) => each.name))} is TCP; name another listener`;
    return [warning(field, message, "UnsupportedValue")];
  }
  const message = `Gateway ${namespace}/${name} is another controller's; name one of the class heddle`;
  return [error(`${field}.name`, message, "TargetNotFound")];
}

/** The pods that Istio's Gateway selects enforce what is said of it, for requests alone. */
function checkServerTarget(
  { kind, namespace, name }: PolicyTarget,
  sectionName: string | undefined,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const servers = fetch.get(inputs.routing.istioGateways, `${namespace}/${name}`)?.spec.servers ?? [];
  const meant = servers.filter((server) => sectionName === undefined || server.name === sectionName);
  if (meant.some((server) => isServed(server) && !isForConnections(server))) return [];
  const message = `has no effect on ${kind} ${namespace}/${name}: it has no server of HTTP, HTTP2 or GRPC${sectionName === undefined ? "" : ` named ${sectionName}`}; name another`;
  return [warning(field, message, "UnsupportedValue")];
}

/** The sidecars of a Service's pods enforce what is said of it. */
function checkServiceTarget(
  { namespace, name }: PolicyTarget,
  sectionName: string | undefined,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const service = fetch.get(inputs.routing.services, `${namespace}/${name}`);
  if (service === undefined) return [];
  const ports = service.ports.filter((port) => sectionName === undefined || port.name === sectionName);
  if (ports.length > 0 && ports.every(({ protocol }) => isOpaque(protocol))) {
    const bytes = [...new Set(ports.map(({ protocol }) => protocol.toUpperCase()))].sort();
    const message = `has no effect on Service ${namespace}/${name}: what comes to port ${listed(ports.map(({ port }) => port))} is ${listed(bytes)}; name another port, or give it another appProtocol`;
    return [warning(field, message, "UnsupportedValue")];
  }
  const bare = podsWithoutSidecar(service, inputs, fetch);
  if (bare.length === 0) return [];
  const message = `is not enforced at ${listed(bare)}: no sidecar is there; label the namespace heddle.dev/inject: enabled and start the pods anew`;
  return [warning(field, message)];
}

function podsWithoutSidecar(service: MeshService, inputs: CheckInputs, fetch: Fetch): readonly string[] {
  const pods = selected(inputs, fetch, service.namespace, service.selector).filter(
    ({ kind, sidecar }) => kind === "Pod" && !sidecar,
  );
  return pods.map(({ name }) => `pod ${name}`).slice(0, 3);
}

/** Whether what a policy is for is served by a Gateway. */
function isOnGateway({ kind, namespace, name }: PolicyTarget, inputs: CheckInputs, fetch: Fetch): boolean {
  if (kind === "Gateway" || kind === istioGateway) return true;
  const key = `${namespace}/${name}`;
  const route =
    kind === "HTTPRoute"
      ? fetch.get(inputs.objects.httpRoutes, key)
      : fetch.get(inputs.objects.grpcRoutes, key);
  return (route?.spec.parentRefs ?? []).some(isGatewayParent);
}
