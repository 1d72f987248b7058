import type { Fetch } from "#collections/graph.ts";
import { rootNamespaces } from "#model/installation.ts";
import type { Sidecar } from "#model/istio/sidecar.ts";
import { sidecarScope } from "#model/istio/sidecar-scopes.ts";
import { objectKey } from "#model/reference.ts";
import { isSelective, olderFirst } from "../clients/sidecars.ts";
import { type CheckFinding, warning } from "../finding.ts";
import { type CheckInputs, selected } from "./inputs.ts";
import { checkSidecarEgress } from "./sidecar-egress.ts";
import { checkSidecarIngress } from "./sidecar-ingress.ts";

/** What a Sidecar says, and whether it is the one that counts. */
export function checkSidecar(sidecar: Sidecar, inputs: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  return [
    ...checkPlace(sidecar, inputs, fetch),
    ...checkSidecarIngress(sidecar, inputs, fetch),
    ...checkSidecarEgress(sidecar, inputs, fetch),
  ];
}

function checkPlace(sidecar: Sidecar, inputs: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  const scope = sidecarScope(sidecar);
  if (isSelective(scope)) {
    const field = "spec.workloadSelector";
    if (rootNamespaces.includes(scope.namespace)) {
      return [
        warning(field, `in namespace ${scope.namespace} it is for that namespace alone, not for the mesh`),
      ];
    }
    const chosen = selected(inputs, fetch, scope.namespace, scope.selector);
    return chosen.length > 0 ? [] : [warning(field, "no workload of the namespace has these labels")];
  }
  const oldest = fetch
    .by(inputs.sidecarsByNamespace, scope.namespace)
    .map(sidecarScope)
    .filter((other) => !isSelective(other))
    .sort(olderFirst)[0];
  if (oldest === undefined || objectKey(oldest.origin) === objectKey(scope.origin)) return [];
  const message = `has no effect: Sidecar ${objectKey(oldest.origin)} is for all workloads of the namespace already`;
  return [warning("spec", message, "Conflicted")];
}
