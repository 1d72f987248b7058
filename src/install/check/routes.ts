// What there is to route by, and what is wrong with it.
import type { Problem } from "#model/reference.ts";
import { type Finding, ok, warning } from "./finding.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

export function checkKinds({
  installed,
  gatewayApi,
  gatewayClass,
  istio,
}: ClusterSnapshot): readonly Finding[] {
  if (installed === undefined) return [];
  if (gatewayApi && !gatewayClass) {
    return [
      warning(
        "Gateway API",
        "the GatewayClass heddle is missing: Gateways of it stay unprogrammed",
        "heddle install",
      ),
    ];
  }
  return [
    gatewayApi
      ? ok("Gateway API", "installed")
      : warning(
          "Gateway API",
          "its CRDs are not installed",
          "kubectl apply them from gateway-api.sigs.k8s.io, then heddle install",
        ),
    // Nobody needs both.
    ...(istio ? [ok("Istio API", "installed")] : []),
  ];
}

/** The user's objects that do not work as they are. */
export function checkObjects({ problems = [] }: ClusterSnapshot): readonly Finding[] {
  return problems.map((problem) =>
    warning(
      "objects",
      `${nameOf(problem)}${problem.message}`,
      "heddle status tells what became of an object",
    ),
  );
}

function nameOf({ object, field }: Problem): string {
  if (object === undefined) return "";
  const where = object.namespace === "" ? object.name : `${object.namespace}/${object.name}`;
  return `${object.kind} ${where}${field === undefined ? "" : ` ${field}`}: `;
}
