/** The question of the API server about a route or a policy in, the answer out: what the validation webhook says. */
import { checkProposed, readNow } from "#compile/checks/check.ts";
import type { CheckInputs } from "#compile/checks/inputs.ts";
import { isOurGateway } from "#compile/clients/ownership.ts";
import {
  type AdmissionAnswer,
  type AdmissionRequest,
  answer,
  readReview,
  type Verdict,
} from "#injector/admission-review.ts";
import { isGatewayParent, type ParentReference, parentKey } from "#model/gateway-api/references.ts";
import { mayComeRight, type Problem, problemText } from "#model/reference.ts";
import { formatField } from "#sources/schema/field-path.ts";
import { readObject } from "#sources/schema/read-object.ts";

export type ObjectAdmission =
  | { readonly kind: "answered"; readonly answer: AdmissionAnswer }
  /** Nothing that an API server sends. */
  | { readonly kind: "malformed"; readonly message: string };

/**
 * Answers an AdmissionReview about a route or a policy with the words of `heddle validate`. Refused is what can never
 * work. What another object could put right is a warning, for tools apply objects in any order; so is what the object
 * had before, or nobody could change the rest of it. Deleting is never refused.
 */
export function admitObject(review: unknown, inputs: CheckInputs): ObjectAdmission {
  const read = readReview(review);
  if ("malformed" in read) return { kind: "malformed", message: read.malformed };
  return { kind: "answered", answer: answer(read.request.uid, verdictOn(read.request, inputs)) };
}

function verdictOn({ operation, object, oldObject }: AdmissionRequest, inputs: CheckInputs): Verdict {
  if (operation === "DELETE" || object === undefined || isBeingDeleted(object)) return {};
  if (isOfOthers(object, inputs)) return {};
  const { refused, warned } = problemsOf(object, inputs);
  const before = new Set(oldObject === undefined ? [] : problemsOf(oldObject, inputs).refused);
  const reasons = refused.filter((text) => !before.has(text));
  const warnings = [...refused.filter((text) => before.has(text)), ...warned];
  if (reasons.length === 0) return { warnings };
  return { warnings, refusal: { code: 422, message: reasons.join("; ") } };
}

/** What is wrong with an object, as texts; the object is used up. */
function problemsOf(
  object: object,
  inputs: CheckInputs,
): { readonly refused: readonly string[]; readonly warned: readonly string[] } {
  const { object: valid, reference, findings } = readObject(object);
  const own = findings.map(
    ({ severity, message, path }): Problem => ({
      severity,
      message,
      ...(reference !== undefined && { object: reference }),
      ...(path.length > 0 && { field: formatField(path) }),
    }),
  );
  const all = [...own, ...(valid === undefined ? [] : checkProposed(valid.value, inputs))];
  const texts = (refused: boolean) =>
    all
      .filter((problem) => (problem.severity === "error" && !mayComeRight(problem)) === refused)
      .map(problemText);
  return { refused: texts(true), warned: texts(false) };
}

type JsonObject = Readonly<Record<string, unknown>>;

function isBeingDeleted(object: JsonObject): boolean {
  return (object["metadata"] as JsonObject | undefined)?.["deletionTimestamp"] !== undefined;
}

/** A Gateway of another controller's class, or a route of such Gateways alone: not ours to judge, whatever is in it. */
function isOfOthers(object: JsonObject, { objects }: CheckInputs): boolean {
  const spec = object["spec"] as
    | { readonly gatewayClassName?: unknown; readonly parentRefs?: unknown }
    | undefined;
  if (object["kind"] === "Gateway" && String(object["apiVersion"]).startsWith("gateway.networking.k8s.io/")) {
    const gatewayClassName = String(spec?.gatewayClassName);
    return !isOurGateway(objects, readNow, { spec: { gatewayClassName, listeners: [] } });
  }
  if (!Array.isArray(spec?.parentRefs) || spec.parentRefs.length === 0) return false;
  const namespace = String((object["metadata"] as JsonObject | undefined)?.["namespace"]);
  return (spec.parentRefs as readonly (ParentReference | null)[]).every((parent) => {
    const gateway =
      parent !== null && isGatewayParent(parent)
        ? objects.gateways.get(parentKey(parent, namespace))
        : undefined;
    return gateway !== undefined && !isOurGateway(objects, readNow, gateway);
  });
}
