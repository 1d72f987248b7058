// What is known of an object, of which its conditions are made.
import type { Collection, Fetch } from "#collections/graph.ts";
import type { ObjectReference, Problem, ProblemReason } from "#model/reference.ts";
import type { RejectedResource } from "#model/status.ts";
import { fails, holds, type Verdict } from "./conditions.ts";

export interface Facts {
  readonly problems: readonly Problem[];
  readonly rejections: readonly RejectedResource[];
}

/** Makes the lookup of facts by object. */
export function factsOf(
  problems: readonly Collection<Problem>[],
  rejections: Collection<RejectedResource>,
): (object: ObjectReference, fetch: Fetch) => Facts {
  const problemsByObject = problems.map((collection) =>
    collection.index("by object for statuses", ({ object }) => (object === undefined ? [] : [idOf(object)])),
  );
  const rejectionsByObject = rejections.index(
    "by object for statuses",
    ({ origins }) => new Set(origins.map(idOf)),
  );
  return (object, fetch) => ({
    problems: problemsByObject.flatMap((index) => fetch.by(index, idOf(object))),
    rejections: fetch.by(rejectionsByObject, idOf(object)),
  });
}

function idOf({ kind, namespace, name }: ObjectReference): string {
  return `${kind} ${namespace}/${name}`;
}

/** The object asks for what cannot be done. */
const unsupported: readonly (ProblemReason | undefined)[] = ["UnsupportedValue", "IncompatibleFilters"];
/** The object refers to what cannot be used. */
const unresolved: readonly (ProblemReason | undefined)[] = [
  "InvalidKind",
  "BackendNotFound",
  "RefNotPermitted",
];

/** The problems by which an object asks for what cannot be done, whatever it is attached to. */
export function unsupportedValues({ problems }: Facts): readonly Problem[] {
  return problems.filter(
    ({ reason, field = "" }) => unsupported.includes(reason) && !field.startsWith("spec.parentRefs"),
  );
}

/** Whether an object may do what it says. */
export function accepted(refusals: readonly Problem[]): Verdict {
  const reason = refusals[0]?.reason;
  return reason === undefined
    ? holds("Accepted", "Accepted", "it is valid and has effect")
    : fails("Accepted", reason, messageOf(refusals));
}

/** Whether what an object refers to is there. */
export function resolvedRefs({ problems }: Facts): Verdict {
  const found = problems.filter(({ reason }) => unresolved.includes(reason));
  const reason = found[0]?.reason;
  return reason === undefined
    ? holds("ResolvedRefs", "ResolvedRefs", "all references are resolved")
    : fails("ResolvedRefs", reason, messageOf(found));
}

/** Whether proxies take what is made of an object. They get it when they need it, so none may have it yet. */
export function programmed({ rejections }: Facts, acceptance: Verdict): Verdict {
  if (acceptance.status === "False") return fails("Programmed", "Invalid", "it is not accepted");
  const refusal = rejections[0];
  return refusal === undefined
    ? holds("Programmed", "Programmed", "proxies are given it, and none refuses it")
    : fails("Programmed", "Invalid", `a proxy refused what was made of it: ${refusal.message}`);
}

const longest = 1_024;

/** Problems as one text, with the fields that they are about. */
export function messageOf(problems: readonly Problem[]): string {
  return problems
    .map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`))
    .join("; ")
    .slice(0, longest);
}
