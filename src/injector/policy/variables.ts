/** What a policy finds out about a pod before it says anything: `decideInjection` and `readAnnotations` in CEL. */
import { interceptionTemplate, type RuleLine } from "#interception/rules.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import { interceptionMode, type ListAnnotation, listAnnotations, valueAnnotations } from "../annotations.ts";
import { heapTenths } from "../bootstrap.ts";
import { namespaceSwitches, offValues, onValues, podSwitches } from "../decision.ts";
import { initContainerName, injectedAnnotation } from "../names.ts";
import { memoryFactors } from "../quantity.ts";
import type { ProxyResources } from "../settings.ts";
import { celList, celText, type Variable } from "./cel.ts";

/** What was said about the injection of a pod, and whether it has been injected. */
export function decisionVariables(): readonly Variable[] {
  const ownLabel = (name: string) => `object.metadata.?labels[?${JSON.stringify(name)}].orValue("")`;
  const own = podSwitches.flatMap((name) => [ownLabel(name), `${annotation(name)}.orValue("")`]);
  const ofNamespace = namespaceSwitches.map(
    (name) => `namespaceObject.metadata.?labels[?${JSON.stringify(name)}].orValue("")`,
  );
  const said = (switches: readonly string[]) =>
    `[${switches.join(", ")}].filter(v, v in ${celList([...onValues, ...offValues])})`;
  const isOff = (list: string) => `variables.${list}[?0].orValue("") in ${celList(offValues)}`;
  const containers = celList([initContainerName, proxyContainerName]);
  return [
    { name: "annotations", expression: "object.metadata.?annotations.orValue({})" },
    { name: "podSwitches", expression: said(own) },
    { name: "namespaceSwitches", expression: said(ofNamespace) },
    {
      name: "wished",
      expression: [
        `!(${isOff("namespaceSwitches")})`,
        `!(${isOff("podSwitches")})`,
        "size(variables.namespaceSwitches) + size(variables.podSwitches) > 0",
        'object.spec.?os.?name.orValue("") != "windows"',
      ].join(" && "),
    },
    { name: "inject", expression: "variables.wished && !object.spec.?hostNetwork.orValue(false)" },
    {
      name: "injected",
      expression:
        `${JSON.stringify(injectedAnnotation)} in variables.annotations && ` +
        `${containers}.all(n, object.spec.?initContainers.orValue([]).exists(c, c.name == n))`,
    },
    {
      name: "subject",
      expression:
        '"Pod " + request.namespace + "/" + ' +
        'object.metadata.?generateName.orValue(object.metadata.?name.orValue(""))',
    },
  ];
}

/** The values of a pod's annotations that are lists, as texts. */
export function listVariables(): readonly Variable[] {
  return listAnnotations.flatMap((each) => [
    {
      name: each.list,
      expression: `${annotation(each.name)}.orValue("").split(",").map(v, v.trim()).filter(v, v != "")`,
    },
    ...(each.allByDefault
      ? [{ name: allOf(each), expression: `${annotation(each.name)}.orValue("*").trim() == "*"` }]
      : []),
  ]);
}

/** What differs in the sidecars of two pods: the `SidecarWishes`. */
export function wishVariables(defaults: ProxyResources): readonly Variable[] {
  const factors = Object.entries(memoryFactors).map(([suffix, factor]) => `"${suffix}": ${factor}`);
  return [
    {
      name: "captures",
      expression: `${annotation(interceptionMode)}.orValue("") != "NONE"`,
    },
    { name: "rules", expression: interceptionTemplate.map(celLine).join(" + ") },
    ...valueAnnotations.flatMap(({ name, resource }) =>
      resource === undefined ? [] : [{ name: resource, expression: resourceValue(name, defaults[resource]) }],
    ),
    {
      name: "heapBytes",
      expression:
        'string(int(variables.memoryLimit.find("^[0-9]+")) * ' +
        `{${factors.join(", ")}}[variables.memoryLimit.find("[A-Za-z]*$")] * ${heapTenths} / 10)`,
    },
  ];
}

/** The variable that says that a list means everything. */
export function allOf({ list }: Pick<ListAnnotation, "list">): string {
  return `${list}IsAll`;
}

/** An annotation of the pod, as an optional. */
export function annotation(name: string): string {
  return `variables.annotations[?${JSON.stringify(name)}]`;
}

/** Only a limit of CPU has no default. */
function resourceValue(name: string, value: string | undefined): string {
  return value === undefined ? annotation(name) : `${annotation(name)}.orValue(${JSON.stringify(value)})`;
}

function celLine(line: RuleLine): string {
  if (typeof line === "string") return celText(line);
  const { list, before, after, all } = line;
  const values = `(variables.captures ? variables.${list} : [])`;
  const each = `${values}.map(v, ${celText(before)} + v + ${celText(after)}).join("")`;
  return all === undefined
    ? each
    : `(variables.captures && variables.${allOf(line)} ? ${celText(all)} : ${each})`;
}
