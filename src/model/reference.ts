/** Names one API object. `kind` is that of `kindName`, and `namespace` is empty for cluster-scoped kinds. */
export interface ObjectReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * What the kind of an object is called where kinds of all APIs stand side by side: its name, and for Istio's Gateway,
 * which is not the one of the Gateway API, also the group, as kubectl writes it.
 */
export function kindName(object: { readonly apiVersion: string; readonly kind: string }): string {
  const isIstioGateway = object.kind === "Gateway" && object.apiVersion.startsWith("networking.istio.io/");
  return isIstioGateway ? "Gateway.networking.istio.io" : object.kind;
}

/** Names a namespaced object. */
export function referenceOf(object: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string };
}): ObjectReference {
  const { namespace = "default", name } = object.metadata;
  return { kind: kindName(object), namespace, name };
}

/** The object, and the field in it, that caused a piece of configuration. */
export interface Origin extends ObjectReference {
  /** A path such as `spec.rules[0].matches[1]`. */
  readonly field?: string;
}

/** What a user got wrong, as data: it ends in a status, on a terminal or in an admission answer. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** What is wrong and what to do about it, in one sentence. */
  readonly message: string;
  readonly object?: ObjectReference;
  /** A path such as `spec.rules[0].backendRefs[0].port`. */
  readonly field?: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** For programs, where the problem decides about a condition of the object. */
  readonly reason?: ProblemReason;
}

/** What is wrong, and where: `message (Kind namespace/name, field)`. Everywhere the same words. */
export function problemText({ message, object, field }: Problem): string {
  const name =
    object === undefined
      ? undefined
      : `${object.kind} ${[object.namespace, object.name].filter(Boolean).join("/")}`;
  const about = [name, field].filter((part) => part !== undefined).join(", ");
  return about === "" ? message : `${message} (${about})`;
}

/** Most are Gateway API's words for reasons of conditions. */
export type ProblemReason =
  // What the object is attached to does not take it.
  | "NoMatchingParent"
  | "NotAllowedByListeners"
  | "NoMatchingListenerHostname"
  /** Another object is for the same, and goes first. */
  | "Conflicted"
  // What the object asks for cannot be done.
  | "UnsupportedValue"
  | "IncompatibleFilters"
  // What it refers to cannot be used.
  | "InvalidKind"
  | "BackendNotFound"
  | "RefNotPermitted"
  /** What a policy is for cannot be found. */
  | "TargetNotFound"
  // What is wrong with a listener.
  | "UnsupportedProtocol"
  | "HostnameConflict"
  | "ProtocolConflict"
  | "InvalidRouteKinds";

/** The key under which collections hold an object: `namespace/name`, or `name` for cluster-scoped kinds. */
export function objectKey(object: { readonly namespace?: string; readonly name: string }): string {
  return object.namespace === undefined || object.namespace === ""
    ? object.name
    : `${object.namespace}/${object.name}`;
}

/** Reasons that lie in other objects, which may come later: users apply files in any order. */
const reasonsElsewhere: ReadonlySet<ProblemReason | undefined> = new Set([
  "NoMatchingParent",
  "NotAllowedByListeners",
  "NoMatchingListenerHostname",
  "BackendNotFound",
  "RefNotPermitted",
  "TargetNotFound",
] as const);

/** Whether the problem may go without a change of its object. */
export function mayComeRight({ reason }: Problem): boolean {
  return reasonsElsewhere.has(reason);
}
