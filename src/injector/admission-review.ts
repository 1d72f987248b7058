/** What the API server asks an admission webhook, and the answer: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request */
import { isJsonObject } from "#model/json.ts";
import type { PatchOperation } from "./json-patch.ts";

/** The part of a request that Heddle reads. */
export interface AdmissionRequest {
  readonly uid: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  readonly operation: string;
  readonly subResource?: string;
  readonly dryRun: boolean;
  /** Absent when something is deleted. */
  readonly object?: Readonly<Record<string, unknown>>;
  /** What it was before a change. */
  readonly oldObject?: Readonly<Record<string, unknown>>;
}

export interface AdmissionAnswer {
  readonly apiVersion: "admission.k8s.io/v1";
  readonly kind: "AdmissionReview";
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly warnings?: readonly string[];
    readonly patchType?: "JSONPatch";
    /** JSON in base64. */
    readonly patch?: string;
    readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  };
}

/** What a request is answered. */
export interface Verdict {
  readonly warnings?: readonly string[];
  readonly patch?: readonly PatchOperation[];
  /** Why it is refused. */
  readonly refusal?: { readonly code: 400 | 403 | 422; readonly message: string };
}

const reasons = { 400: "BadRequest", 403: "Forbidden", 422: "Invalid" } as const;

/** Reads the body of a request; `malformed` says what is wrong with one that no API server sends. */
export function readReview(
  body: unknown,
): { readonly request: AdmissionRequest } | { readonly malformed: string } {
  if (
    !isJsonObject(body) ||
    body["kind"] !== "AdmissionReview" ||
    body["apiVersion"] !== "admission.k8s.io/v1"
  ) {
    return { malformed: "expected an AdmissionReview of admission.k8s.io/v1" };
  }
  const request = body["request"];
  if (!isJsonObject(request)) return { malformed: "the AdmissionReview has no request" };
  const { uid, operation, namespace, subResource, object, oldObject, dryRun } = request;
  if (typeof uid !== "string" || uid === "") return { malformed: "request.uid is missing" };
  if (typeof operation !== "string") return { malformed: "request.operation is missing" };
  return {
    request: {
      uid,
      operation,
      dryRun: dryRun === true,
      ...(typeof namespace === "string" && namespace !== "" && { namespace }),
      ...(typeof subResource === "string" && subResource !== "" && { subResource }),
      ...(isJsonObject(object) && { object }),
      ...(isJsonObject(oldObject) && { oldObject }),
    },
  };
}

/** The answer to a request. */
export function answer(uid: string, { warnings, patch, refusal }: Verdict): AdmissionAnswer {
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: {
      uid,
      allowed: refusal === undefined,
      ...(warnings !== undefined && warnings.length > 0 && { warnings }),
      ...(patch !== undefined &&
        patch.length > 0 && {
          patchType: "JSONPatch" as const,
          patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
        }),
      ...(refusal !== undefined && { status: { ...refusal, reason: reasons[refusal.code] } }),
    },
  };
}
