import type { Fetch } from "#collections/graph.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Deployment, Job, PodTemplate, StatefulSet } from "#model/kubernetes/workloads.ts";
import type { KubernetesObject, LabelSelector } from "#model/object.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { type LocalCheckInputs, selected } from "./inputs.ts";
import { checkPodSpec } from "./pod-spec.ts";

/** Selector and template of a Deployment. */
export function checkDeployment(
  object: Deployment,
  inputs: LocalCheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return checkWorkload("Deployment", object, inputs, fetch);
}

/** Selector, template and governing Service of a StatefulSet. */
export function checkStatefulSet(
  object: StatefulSet,
  inputs: LocalCheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { serviceName } = object.spec;
  const namespace = object.metadata.namespace ?? "default";
  const missing =
    serviceName !== undefined &&
    fetch.get(inputs.objects.services, `${namespace}/${serviceName}`) === undefined;
  const message = `there is no Service ${namespace}/${serviceName}, so the pods have no names in DNS; define it with clusterIP: None`;
  return [
    ...(missing ? [warning("spec.serviceName", message)] : []),
    ...checkWorkload("StatefulSet", object, inputs, fetch),
  ];
}

/** Template of a Job. */
export function checkJob(object: Job, inputs: LocalCheckInputs, fetch: Fetch): readonly CheckFinding[] {
  return checkPodSpec(object, object.spec.template.spec, "spec.template.spec", inputs, fetch);
}

/** A pod that a file asks for. One with a status runs already: what made it was checked. */
export function checkPod(pod: Pod, inputs: LocalCheckInputs, fetch: Fetch): readonly CheckFinding[] {
  return pod.status === undefined ? checkPodSpec(pod, pod.spec, "spec", inputs, fetch) : [];
}

interface Workload extends KubernetesObject {
  readonly spec: { readonly selector: LabelSelector; readonly template: PodTemplate };
}

function checkWorkload(
  kind: string,
  object: Workload,
  inputs: LocalCheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { selector, template } = object.spec;
  const own = selectorFindings(selector, template.metadata?.labels ?? {});
  return [
    ...own,
    ...(own.length === 0 ? overlapping(kind, object, inputs, fetch) : []),
    ...checkPodSpec(object, template.spec, "spec.template.spec", inputs, fetch),
  ];
}

function selectorFindings(
  selector: LabelSelector,
  labels: Readonly<Record<string, string>>,
): readonly CheckFinding[] {
  const pairs = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  if (pairs.length + expressions.length === 0) {
    return [error("spec.selector", "the selector is empty; name labels that its template has")];
  }
  const wrongPair = pairs.find(([label, value]) => labels[label] !== value);
  if (wrongPair !== undefined) {
    const [label, value] = wrongPair;
    const message = `its own template does not have the label ${label}=${value}; make the two agree`;
    return [error("spec.selector.matchLabels", message)];
  }
  return expressions.flatMap((expression, index) =>
    holds(expression, labels[expression.key])
      ? []
      : [
          error(
            `spec.selector.matchExpressions[${index}]`,
            "its own template does not match; make the two agree",
          ),
        ],
  );
}

function holds(
  { operator, values }: NonNullable<LabelSelector["matchExpressions"]>[number],
  label: string | undefined,
): boolean {
  if (operator === "Exists") return label !== undefined;
  if (operator === "DoesNotExist") return label === undefined;
  const listed = label !== undefined && values?.includes(label) === true;
  return operator === "In" ? listed : !listed;
}

/** Two workloads whose pods look alike take each other's pods on Kubernetes. */
function overlapping(
  kind: string,
  object: Workload,
  inputs: LocalCheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { selector } = object.spec;
  if ((selector.matchExpressions ?? []).length > 0) return [];
  const others = selected(
    inputs,
    fetch,
    object.metadata.namespace ?? "default",
    selector.matchLabels ?? {},
  ).filter((other) => other.kind === kind && other.name !== object.metadata.name);
  const other = others[0];
  if (other === undefined) return [];
  const message = `selects the pods of ${other.kind} ${other.namespace}/${other.name} as well; tell them apart by a label`;
  return [warning("spec.selector", message)];
}
