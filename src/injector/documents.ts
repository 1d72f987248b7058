/** Injection into whatever holds pods, for `heddle inject`: any API object in, the object with sidecars out. */
import { isJsonObject } from "#model/json.ts";
import { isGatewayTemplate } from "#model/kubernetes/gateway-template.ts";
import type { Pod, PodSpec } from "#model/kubernetes/pod.ts";
import type { ObjectMeta } from "#model/object.ts";
import type { ObjectReference, Problem } from "#model/reference.ts";
import { decideInjection } from "./decision.ts";
import { type Injection, injectSidecar } from "./inject.ts";
import { podSecurityProblem } from "./pod-security.ts";
import type { InjectionSettings } from "./settings.ts";

export type DocumentInjection =
  | { readonly kind: "injected"; readonly object: object; readonly warnings: readonly Problem[] }
  /** It holds pods, and they are to stay as they are. */
  | {
      readonly kind: "skipped";
      readonly subject: ObjectReference;
      readonly reason: string;
      readonly wished?: true;
    }
  | { readonly kind: "refused"; readonly problem: Problem }
  /** It holds no pods. */
  | { readonly kind: "other" };

/** Where the kinds that make pods have their pod: the path to what has `metadata` and `spec`. */
const podPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/** Injects the pod of one object, wherever its kind has it. `labelsOf` tells a namespace's labels. */
export function injectDocument(
  document: unknown,
  labelsOf: (namespace: string) => Readonly<Record<string, string>>,
  settings: InjectionSettings,
): DocumentInjection {
  const object = asObject(document);
  const kind = typeof object?.["kind"] === "string" ? object["kind"] : "";
  const path = podPaths[kind];
  if (object === undefined || path === undefined) return { kind: "other" };
  const metadata = asObject(object["metadata"]);
  const namespace = text(metadata?.["namespace"]) ?? "default";
  const subject = {
    kind,
    namespace,
    name: text(metadata?.["generateName"]) ?? text(metadata?.["name"]) ?? "",
  };
  const holder = path.reduce<JsonObject | undefined>((at, step) => asObject(at?.[step]), object);
  if (holder === undefined || !hasContainers(holder)) {
    const field = [...path, "spec", "containers"].join(".");
    const problem: Problem = {
      severity: "error",
      message: `${field} must be a list of containers`,
      object: subject,
      field,
    };
    return { kind: "refused", problem };
  }
  const pod = podOf(holder, subject);
  const decision = decideInjection(pod, { labels: labelsOf(namespace) });
  if (!decision.inject) {
    const wished = decision.wished === true ? { wished: decision.wished } : {};
    return { kind: "skipped", subject, reason: decision.reason, ...wished };
  }
  // A gateway captures nothing, and needs no rights.
  const insecure = isGatewayTemplate(pod) ? undefined : podSecurityProblem(namespace, labelsOf(namespace));
  const result: Injection =
    insecure === undefined ? injectSidecar(pod, settings) : { kind: "refused", problem: insecure };
  const locate = (problem: Problem): Problem => ({
    ...problem,
    object: subject,
    ...fieldWithin(path, problem.field),
  });
  if (result.kind === "refused") return { kind: "refused", problem: locate(result.problem) };
  return {
    kind: "injected",
    object: replaced(object, path, {
      ...holder,
      metadata: { ...asObject(holder["metadata"]), annotations: result.pod.metadata.annotations },
      spec: result.pod.spec,
    }),
    warnings: result.warnings.map(locate),
  };
}

type JsonObject = Readonly<Record<string, unknown>>;

function asObject(value: unknown): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function hasContainers(holder: JsonObject): boolean {
  return Array.isArray(asObject(holder["spec"])?.["containers"]);
}

function podOf(holder: JsonObject, { namespace, name }: ObjectReference): Pod {
  const metadata = holder["metadata"] as Partial<ObjectMeta> | undefined;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, name, namespace },
    spec: holder["spec"] as PodSpec,
  };
}

function replaced(object: JsonObject, path: readonly string[], value: JsonObject): JsonObject {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  return { ...object, [step]: replaced(asObject(object[step]) ?? {}, rest, value) };
}

function fieldWithin(path: readonly string[], field: string | undefined): { readonly field?: string } {
  return field === undefined ? {} : { field: [...path, field].join(".") };
}
