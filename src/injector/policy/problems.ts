/** Why a pod is refused or warned about, as lists of texts in CEL: in the same order and words as `injectSidecar`. */
import { gatewayTemplate, templatesAnnotation } from "#model/kubernetes/gateway-template.ts";
import type { Problem } from "#model/reference.ts";
import {
  annotationField,
  listAnnotations,
  trafficPrefix,
  unsupportedAnnotations,
  valueAnnotations,
} from "../annotations.ts";
import { hostNetworkReason } from "../decision.ts";
import { type ForbiddenField, forbiddenFields, ownNames } from "../forbidden-fields.ts";
import { forbiddingLevels, podSecurityLabel, podSecurityMessage } from "../pod-security.ts";
import { celList, celText, type Variable, variable } from "./cel.ts";
import { allOf, annotation } from "./variables.ts";

/** `refusals`, for pods that are created. */
export function refusals(): Variable {
  const errors = forbiddenFields.filter(({ severity }) => severity === "error");
  const lists = [gateways(), podSecurity(), ...wrongAnnotations(), ...errors.map(forbidden)];
  return { name: "refusals", expression: `variables.inject ? ${joined(lists)} : []` };
}

/** `refusals`, for pods that are created or get an ephemeral container. */
export function refusalsOfAll(): Variable {
  return ofEither("refusals", refusals().expression, "error");
}

/** `warnings`, for pods that are created or get an ephemeral container. */
export function warningsOfAll(): Variable {
  const found = forbiddenFields.filter(({ severity }) => severity === "warning");
  const warnings = joined([unsupported(), ...found.map(forbidden)]);
  const hostNetwork = `[${text(`no sidecar is injected: ${hostNetworkReason}`)}]`;
  const created =
    `variables.inject ? ${warnings} : ` +
    `(variables.wished && object.spec.?hostNetwork.orValue(false) ? ${hostNetwork} : [])`;
  return ofEither("warnings", created, "warning");
}

function ofEither(name: string, created: string, severity: Problem["severity"]): Variable {
  const added = forbiddenFields
    .filter((rule) => rule.list === "ephemeralContainers" && rule.severity === severity)
    .map(forbidden);
  return {
    name,
    expression:
      'request.?subResource.orValue("") == "ephemeralcontainers" ? ' +
      `(variables.injected ? ${joined(added)} : []) : (${created})`,
  };
}

function joined(lists: readonly string[]): string {
  return `(${lists.map((list) => `(${list})`).join(" + ")})`;
}

/** `problemText` of a problem in the pod. */
function text(message: string, field?: string): string {
  return celText(`${message} (${variable("subject")}${field === undefined ? "" : `, ${field}`})`);
}

/** The policy puts sidecars beside containers and never a proxy into the place of one: for that there is the webhook. */
function gateways(): string {
  const isGateway = `${annotation(templatesAnnotation)}.orValue("").split(",").exists(t, t.trim() == ${celText(gatewayTemplate)})`;
  const message =
    "gateways of Istio's template need the webhook; install with --injection=webhook, or use a Gateway of the Gateway API";
  return `${isGateway} ? [${text(message, annotationField(templatesAnnotation))}] : []`;
}

function podSecurity(): string {
  const level = `namespaceObject.metadata.?labels[?${JSON.stringify(podSecurityLabel)}].orValue("")`;
  const [mark, levelMark] = ["⟪namespace⟫", "⟪level⟫"];
  const message = text(podSecurityMessage(mark, levelMark), "spec")
    .replace(mark, '" + request.namespace + "')
    .replace(levelMark, `" + ${level} + "`);
  return `${level} in ${celList(forbiddingLevels)} ? [${message}] : []`;
}

function wrongAnnotations(): readonly string[] {
  const message = (name: string, expected: string, value: string) =>
    `"\\"" + ${value} + ${text(`" is not ${expected}`, annotationField(name))}`;
  const values = valueAnnotations.map(({ name, pattern, expected }) => {
    const value = `variables.annotations[${JSON.stringify(name)}]`;
    const isWrong = `${JSON.stringify(name)} in variables.annotations && !${value}.matches(${JSON.stringify(pattern)})`;
    return `${isWrong} ? [${message(name, expected, value)}] : []`;
  });
  const lists = listAnnotations.map((each) => {
    const wrong = `variables.${each.list}.filter(v, !v.matches(${JSON.stringify(each.pattern)}))`;
    const messages = `${wrong}.map(v, ${message(each.name, each.expected, "v")})`;
    return each.allByDefault ? `variables.${allOf(each)} ? [] : ${messages}` : messages;
  });
  return [...values, ...lists];
}

function unsupported(): string {
  const known = celList(listAnnotations.map(({ name }) => name));
  const names =
    "variables.annotations.filter(k, " +
    `(k.startsWith(${JSON.stringify(trafficPrefix)}) && !(k in ${known})) || k in ${celList(unsupportedAnnotations)})`;
  const message =
    `"the annotation " + k + " is not supported yet; it has no effect (" + variables.subject + ` +
    `", metadata.annotations['" + k + "'])"`;
  return `${names}.map(k, ${message})`;
}

function forbidden(rule: ForbiddenField): string {
  const { list, path, message } = rule;
  if (list === undefined) {
    const field = ["spec", ...path].join(".");
    return `${isForbidden(rule, "object.spec")} ? [${text(message, field)}] : []`;
  }
  const skipsOwn = list === "initContainers" || list === "volumes";
  const own = skipsOwn ? `!(variables.injected && c.name in ${celList(ownNames)}) && ` : "";
  const found = text(message).slice(0, -2) + `, spec.${list}[" + string(i) + "].${path.join(".")})"`;
  return `object.spec.?${list}.orValue([]).transformList(i, c, ${own}${isForbidden(rule, "c")}, ${found})`;
}

function isForbidden({ path, values, isList }: ForbiddenField, holder: string): string {
  const value = `${holder}.?${path.join(".?")}`;
  if (isList === true) return `${value}.orValue([]).exists(v, v in ${celList(values)})`;
  const nothing = typeof values[0] === "string" ? '""' : typeof values[0] === "number" ? "-1" : "false";
  return `${value}.orValue(${nothing}) in ${celList(values)}`;
}
