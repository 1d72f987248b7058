/** The question of the API server about a pod in, the answer out: what the injection webhook says. */
import { isJsonObject } from "#model/json.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { type ObjectReference, type Problem, problemText } from "#model/reference.ts";
import {
  type AdmissionAnswer,
  type AdmissionRequest,
  answer,
  readReview,
  type Verdict,
} from "./admission-review.ts";
import { namespaceSwitches, onValues } from "./decision.ts";
import { type DocumentInjection, injectDocument } from "./documents.ts";
import { forbiddenInEphemeralContainers } from "./forbidden-fields.ts";
import { isInjected } from "./inject.ts";
import { patchOf } from "./json-patch.ts";
import type { InjectionSettings } from "./settings.ts";

/** Which of a pod's and its namespace's switches made the API server ask: the webhooks' selectors saw them. */
export type SelectedBy = "namespace" | "pod";

export interface AdmissionContext {
  readonly settings: InjectionSettings;
  readonly selectedBy: SelectedBy;
  /** Labels of a namespace; undefined for one that is not known yet. */
  labelsOf(namespace: string): Readonly<Record<string, string>> | undefined;
}

/** Something that people should see with `kubectl describe`; somebody else writes it. */
export interface AdmissionEvent {
  /** The pod, or what made it: a pod that is being created may have no name. */
  readonly regarding: ObjectReference & { readonly uid?: string; readonly apiVersion?: string };
  readonly type: "Warning";
  readonly reason: "NotInjected";
  readonly message: string;
}

export type PodAdmission =
  | {
      readonly kind: "answered";
      readonly answer: AdmissionAnswer;
      readonly events: readonly AdmissionEvent[];
    }
  /** Nothing that an API server sends. */
  | { readonly kind: "malformed"; readonly message: string };

/** Answers an AdmissionReview about a pod that is created, or gets an ephemeral container. Never throws. */
export function admitPod(review: unknown, context: AdmissionContext): PodAdmission {
  const read = readReview(review);
  if ("malformed" in read) return { kind: "malformed", message: read.malformed };
  const { request } = read;
  const answered = (verdict: Verdict, events: readonly AdmissionEvent[] = []): PodAdmission => ({
    kind: "answered",
    answer: answer(request.uid, verdict),
    events: request.dryRun ? [] : events,
  });
  const { object } = request;
  if (object?.["kind"] !== "Pod") return answered(unusable("the request has no Pod"));
  const wrong = wrongShape(object);
  if (wrong !== undefined) return answered(unusable(wrong));
  if (request.subResource === "ephemeralcontainers") return answered(ephemeralVerdict(object, request));
  if (request.operation !== "CREATE") return answered({});
  const pod = inNamespace(object, request);
  const injection = injectDocument(pod, (namespace) => labelsFor(namespace, context), context.settings);
  return answered(verdictOn(injection, pod), eventsOf(injection, object));
}

type JsonObject = Readonly<Record<string, unknown>>;

/** 403 as any admission plugin's refusal; a pod is refused by one reason at a time. */
function verdictOn(injection: DocumentInjection, pod: JsonObject): Verdict {
  switch (injection.kind) {
    case "injected":
      return { patch: patchOf(pod, injection.object), warnings: injection.warnings.map(problemText) };
    case "refused":
      return { refusal: { code: 403, message: problemText(injection.problem) } };
    case "skipped":
      return injection.wished === true ? { warnings: [problemText(notInjected(injection))] } : {};
    case "other":
      return {};
  }
}

function notInjected({ reason, subject }: Extract<DocumentInjection, { kind: "skipped" }>): Problem {
  return { severity: "warning", message: `no sidecar is injected: ${reason}`, object: subject };
}

function eventsOf(injection: DocumentInjection, object: JsonObject): readonly AdmissionEvent[] {
  if (injection.kind !== "skipped" || injection.wished !== true) return [];
  const message = problemText(notInjected(injection));
  return [
    { regarding: regarding(object, injection.subject), type: "Warning", reason: "NotInjected", message },
  ];
}

function regarding(object: JsonObject, pod: ObjectReference): AdmissionEvent["regarding"] {
  const { ownerReferences } = object["metadata"] as { readonly ownerReferences?: readonly Owner[] };
  const owner = ownerReferences?.[0];
  if (owner === undefined) return pod;
  const { kind, name, uid, apiVersion } = owner;
  return { kind, name, uid, apiVersion, namespace: pod.namespace };
}

interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

function ephemeralVerdict(object: JsonObject, request: AdmissionRequest): Verdict {
  const pod = inNamespace(object, request) as unknown as Pod;
  if (!isInjected(pod)) return {};
  const { name, namespace = "default" } = pod.metadata;
  const problems = forbiddenInEphemeralContainers(pod).map((problem) => ({
    ...problem,
    object: { kind: "Pod", namespace, name },
  }));
  const reason = problems.find(({ severity }) => severity === "error");
  return reason === undefined
    ? { warnings: problems.map(problemText) }
    : { refusal: { code: 403, message: problemText(reason) } };
}

/**
 * The API server has looked at the namespace's labels, which may have come a moment ago and not be known here yet:
 * its selectors are believed. What is known here says the rest.
 */
function labelsFor(namespace: string, context: AdmissionContext): Readonly<Record<string, string>> {
  const others = Object.entries(context.labelsOf(namespace) ?? {}).filter(
    ([key]) => !namespaceSwitches.includes(key),
  );
  const [key = "", value = ""] = [namespaceSwitches[0], onValues[0]];
  return { ...Object.fromEntries(others), ...(context.selectedBy === "namespace" && { [key]: value }) };
}

/** The body of a request may leave the namespace to its path. */
function inNamespace(object: JsonObject, { namespace }: AdmissionRequest): JsonObject {
  if (namespace === undefined) return object;
  return { ...object, metadata: { ...(object["metadata"] as object), namespace } };
}

function unusable(message: string): Verdict {
  return { refusal: { code: 400, message } };
}

/** The API server has decoded the pod, so this is about requests of others. */
function wrongShape(object: JsonObject): string | undefined {
  if (!isJsonObject(object["metadata"])) return "metadata is missing";
  const { labels, annotations } = object["metadata"];
  for (const [name, map] of Object.entries({ labels, annotations })) {
    const isMap = isJsonObject(map) && Object.values(map).every((value) => typeof value === "string");
    if (map !== undefined && !isMap) return `metadata.${name} must be a map of texts`;
  }
  const spec = object["spec"];
  if (!isJsonObject(spec)) return "spec is missing";
  for (const list of ["containers", "initContainers", "ephemeralContainers", "volumes"]) {
    const value = spec[list];
    const isList = Array.isArray(value) && value.every(isJsonObject);
    if (value !== undefined && !isList) return `spec.${list} must be a list of objects`;
  }
  return Array.isArray(spec["containers"]) ? undefined : "spec.containers is missing";
}
