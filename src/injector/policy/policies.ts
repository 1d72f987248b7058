/**
 * Injection that the API server does itself: what `heddle install --injection=policy` applies. Made of the same data
 * and by the same functions as the webhook's answer, so that a pod looks the same whoever has injected it.
 */
import { injectionPolicy } from "#model/installation.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import type { KubernetesObject } from "#model/object.ts";
import { probeAnnotation } from "../annotations.ts";
import { outsideNamespaces } from "../decision.ts";
import type { InjectionSettings } from "../settings.ts";
import { sidecar } from "../sidecar.ts";
import { celObject, celText, type Variable, variable } from "./cel.ts";
import { probePatch, probeVariables } from "./probes.ts";
import { refusals, refusalsOfAll, warningsOfAll } from "./problems.ts";
import { terminationPatch, terminationVariables } from "./termination.ts";
import { annotation, decisionVariables, listVariables, wishVariables } from "./variables.ts";

/** What warns only: the API server knows one action for a policy. */
const warningPolicy = `${injectionPolicy}-warnings`;

/** The mutating policy, the validating ones and their bindings. Kubernetes 1.36 and newer. */
export function admissionPolicies(settings: InjectionSettings): readonly KubernetesObject[] {
  return [
    policy("MutatingAdmissionPolicy", injectionPolicy, mutation(settings)),
    binding("MutatingAdmissionPolicyBinding", injectionPolicy, {}),
    policy(
      "ValidatingAdmissionPolicy",
      injectionPolicy,
      validation(refusalsOfAll(), "variables.refusals[0]"),
    ),
    binding("ValidatingAdmissionPolicyBinding", injectionPolicy, { validationActions: ["Deny"] }),
    policy(
      "ValidatingAdmissionPolicy",
      warningPolicy,
      validation(warningsOfAll(), 'variables.warnings.join("; ")'),
    ),
    binding("ValidatingAdmissionPolicyBinding", warningPolicy, { validationActions: ["Warn"] }),
  ];
}

function policy(kind: string, name: string, spec: object): KubernetesObject {
  return object(kind, name, { failurePolicy: "Fail", ...spec });
}

function binding(kind: string, policyName: string, spec: object): KubernetesObject {
  return object(kind, policyName, { policyName, ...spec });
}

function object(kind: string, name: string, spec: object): KubernetesObject {
  const made = { apiVersion: "admissionregistration.k8s.io/v1", kind, metadata: { name }, spec };
  return made;
}

const podsCreated = {
  apiGroups: [""],
  apiVersions: ["v1"],
  operations: ["CREATE"],
  resources: ["pods"],
  scope: "Namespaced",
};
const ephemeralContainersAdded = {
  ...podsCreated,
  operations: ["UPDATE"],
  resources: ["pods/ephemeralcontainers"],
};

/** The expressions see the labels; the selector keeps the policy away from what the cluster itself needs. */
const namespaceSelector = {
  matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: outsideNamespaces }],
};

function mutation(settings: InjectionSettings): object {
  const wanted = "variables.inject && size(variables.refusals) == 0";
  const rewrites = `${annotation(probeAnnotation)}.orValue("") != "false"`;
  const patches = [
    // Probes first: the second expression sees what the first one did, and indices as the user wrote them are simpler.
    `${wanted} && ${rewrites} ? ${probePatch()} : []`,
    `${wanted} ? (${terminationPatch()}) : []`,
    `${wanted} && !variables.injected ? ${sidecarPatch(settings)} : []`,
  ];
  return {
    reinvocationPolicy: "IfNeeded",
    matchConstraints: { namespaceSelector, resourceRules: [podsCreated] },
    variables: [
      ...decisionVariables(),
      ...listVariables(),
      refusals(),
      ...wishVariables(settings.proxyResources),
      ...probeVariables(),
      ...terminationVariables(settings.terminationDelaySeconds),
    ],
    mutations: patches.map((expression) => ({ patchType: "JSONPatch", jsonPatch: { expression } })),
  };
}

function sidecarPatch(settings: InjectionSettings): string {
  const hasLimit = settings.proxyResources.cpuLimit !== undefined;
  const parts = sidecar(settings, {
    rules: variable("rules"),
    heapBytes: variable("heapBytes"),
    resources: {
      cpu: variable("cpu"),
      memory: variable("memory"),
      ...(hasLimit && { cpuLimit: variable("cpuLimit") }),
      memoryLimit: variable("memoryLimit"),
    },
  });
  const add = (path: string, value: string) => `[JSONPatch{op: "add", path: "${path}", value: ${value}}]`;
  const unless = (field: string, path: string, empty: string) =>
    `(has(object.${field}) ? [] : ${add(path, empty)})`;
  return [
    unless("metadata.annotations", "/metadata/annotations", "{}"),
    ...Object.entries(parts.annotations).map(([name, value]) =>
      add(`/metadata/annotations/${name.replaceAll("/", "~1")}`, celText(value)),
    ),
    unless("spec.volumes", "/spec/volumes", "[]"),
    ...parts.volumes.map((each) => add("/spec/volumes/-", celObject(each, "Object.spec.volumes"))),
    unless("spec.initContainers", "/spec/initContainers", "[]"),
    ...parts.initContainers
      .toReversed()
      .map((each) => add("/spec/initContainers/0", celObject(each, "Object.spec.initContainers"))),
    ...(hasLimit
      ? []
      : [wishedLimit(parts.initContainers.findIndex(({ name }) => name === proxyContainerName))]),
  ].join(" + ");
}

/** Without a default there is a limit of CPU only where a pod wishes it. */
function wishedLimit(index: number): string {
  const path = `/spec/initContainers/${index}/resources/limits/cpu`;
  return (
    `(variables.cpuLimit.hasValue() ? ` +
    `[JSONPatch{op: "add", path: "${path}", value: variables.cpuLimit.value()}] : [])`
  );
}

function validation(problems: Variable, messageExpression: string): object {
  return {
    matchConstraints: { namespaceSelector, resourceRules: [podsCreated, ephemeralContainersAdded] },
    variables: [...decisionVariables(), ...listVariables(), problems],
    validations: [
      { expression: `size(variables.${problems.name}) == 0`, messageExpression, reason: "Forbidden" },
    ],
  };
}
