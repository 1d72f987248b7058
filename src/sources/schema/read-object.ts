import { isJsonObject } from "#model/json.ts";
import type { KubernetesObject } from "#model/object.ts";
import { kindName, type ObjectReference } from "#model/reference.ts";
import type { Kind } from "#sources/objects.ts";
import type { Finding } from "./finding.ts";
import { lookUpKind, schemaOf, sharedDefinitions } from "./kinds.ts";
import { checkStructure, describe } from "./structure.ts";
import { checkSupportedFields } from "./supported-fields.ts";

/** A value from a file or a request, checked. */
export interface ReadObject {
  /** The object, if it may take effect: no finding is an error, and its kind is one that Heddle reads. */
  readonly object: { readonly kind: Kind; readonly value: KubernetesObject } | undefined;
  /** What it calls itself, where it says so. */
  readonly reference: ObjectReference | undefined;
  readonly findings: readonly Finding[];
}

type Fields = Record<string, unknown>;

/** Checks that `value` is an API object that Heddle understands. The value is used up: it becomes the object. */
export function readObject(value: unknown): ReadObject {
  if (!isJsonObject(value)) {
    return refused(undefined, [], `expected an object with apiVersion and kind, found ${describe(value)}`);
  }
  for (const field of ["apiVersion", "kind"]) {
    const text = value[field];
    if (text === undefined || text === null) return refused(undefined, [field], `${field} is missing`);
    if (typeof text !== "string")
      return refused(undefined, [field], `expected a string, found ${describe(text)}`);
  }
  const { apiVersion, kind } = value as { apiVersion: string; kind: string };
  const found = lookUpKind(apiVersion, kind);
  const reference = referenceOf(value, found.kind === "read" && !found.namespaced);
  if (found.kind === "unknown") return refused(reference, [found.field], found.message);
  if (found.kind === "ignored") {
    return {
      object: undefined,
      reference,
      findings: [{ severity: "warning", message: found.message, path: ["kind"] }],
    };
  }
  return checked(value, found.name, found.namespaced, reference);
}

function checked(
  value: Fields,
  kind: Kind,
  namespaced: boolean,
  reference: ObjectReference | undefined,
): ReadObject {
  const context = { definitions: sharedDefinitions(), quoteValues: kind !== "Secret" };
  const findings = [...checkStructure(value, schemaOf(kind), context), ...checkName(value["metadata"], kind)];
  if (findings.some((finding) => finding.severity === "error") || reference === undefined) {
    return { object: undefined, reference, findings };
  }
  const metadata = value["metadata"] as Fields;
  if (namespaced) metadata["namespace"] ??= "default";
  else delete metadata["namespace"];
  return {
    object: { kind, value: value as unknown as KubernetesObject },
    reference,
    findings: [...findings, ...checkSupportedFields(kind, value)],
  };
}

/** Names end in DNS, in addresses of other objects and in file names. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;
const subdomain = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/u;

function checkName(metadata: unknown, kind: Kind): readonly Finding[] {
  const { name, namespace } = isJsonObject(metadata) ? metadata : {};
  const findings: Finding[] = [];
  const error = (field: string, message: string) =>
    findings.push({ severity: "error", message, path: ["metadata", field] });
  const isLabel = kind === "Service" || kind === "Namespace";
  if (name === undefined || name === null) error("name", "name is missing");
  else if (typeof name === "string" && !(isLabel ? label : subdomain).test(name)) {
    error(
      "name",
      `${describe(name)} is no valid name; use lower-case letters, digits and -${isLabel ? "" : " and ."}`,
    );
  }
  if (typeof namespace === "string" && !label.test(namespace)) {
    error("namespace", `${describe(namespace)} is no valid name; use lower-case letters, digits and -`);
  }
  return findings;
}

function referenceOf(value: Fields, clusterScoped: boolean): ObjectReference | undefined {
  const metadata = value["metadata"];
  if (!isJsonObject(metadata) || typeof metadata["name"] !== "string") return undefined;
  const namespace = typeof metadata["namespace"] === "string" ? metadata["namespace"] : "default";
  const kind = kindName(value as { apiVersion: string; kind: string });
  return { kind, namespace: clusterScoped ? "" : namespace, name: metadata["name"] };
}

function refused(
  reference: ObjectReference | undefined,
  path: readonly string[],
  message: string,
): ReadObject {
  return { object: undefined, reference, findings: [{ severity: "error", message, path }] };
}
