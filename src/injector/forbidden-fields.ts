/** What in a pod would break its sidecar, or get past it: data, of which the function and the policy are made. */
import { proxyUid } from "#interception/addresses.ts";
import type { Pod, PodSpec } from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import type { Problem } from "#model/reference.ts";
import { credentialsVolumeName, emptyVolumeName, initContainerName } from "./names.ts";

/** Fields of the spec, or of each item of one of its lists, that must not have one of some values. */
export interface ForbiddenField {
  /** Each item of this list is looked at; without one, the spec itself. */
  readonly list?: "initContainers" | "containers" | "ephemeralContainers" | "volumes";
  /** Where the value is in there. What ends in a list must contain none of the values. */
  readonly path: readonly string[];
  readonly isList?: true;
  readonly values: readonly (string | number | boolean)[];
  readonly severity: Problem["severity"];
  /** What is wrong and what to do. */
  readonly message: string;
}

const containerLists = ["initContainers", "containers", "ephemeralContainers"] as const;
const asProxy = {
  values: [proxyUid],
  severity: "error",
  message: `user ${proxyUid} is the proxy's, whose traffic is not captured; run as another one`,
} as const;
const inProxyGroup = {
  values: [proxyUid],
  severity: "error",
  message: `group ${proxyUid} is the proxy's; use another one`,
} as const;
const reservedContainers = {
  path: ["name"],
  values: [proxyContainerName, initContainerName],
  severity: "error",
  message: "the name is one of the sidecar's; call the container otherwise",
} as const;

/** In the order in which problems are reported. */
export const forbiddenFields: readonly ForbiddenField[] = [
  { path: ["securityContext", "runAsUser"], ...asProxy },
  { path: ["securityContext", "runAsGroup"], ...inProxyGroup },
  { path: ["securityContext", "fsGroup"], ...inProxyGroup },
  { path: ["securityContext", "supplementalGroups"], isList: true, ...inProxyGroup },
  ...containerLists.flatMap((list) => [
    { list, path: ["securityContext", "runAsUser"], ...asProxy },
    { list, path: ["securityContext", "runAsGroup"], ...inProxyGroup },
  ]),
  { list: "initContainers", ...reservedContainers },
  { list: "containers", ...reservedContainers },
  {
    list: "volumes",
    path: ["name"],
    values: [credentialsVolumeName, emptyVolumeName],
    severity: "error",
    message: "the name is one of the sidecar's; call the volume otherwise",
  },
  ...containerLists.flatMap((list): readonly ForbiddenField[] => [
    {
      list,
      path: ["securityContext", "privileged"],
      values: [true],
      severity: "warning",
      message: "a privileged container can undo the capture of the pod's traffic",
    },
    {
      list,
      path: ["securityContext", "capabilities", "add"],
      isList: true,
      values: ["NET_ADMIN", "ALL"],
      severity: "warning",
      message: "a container with NET_ADMIN can undo the capture of the pod's traffic",
    },
  ]),
  {
    path: ["shareProcessNamespace"],
    values: [true],
    severity: "warning",
    message: "the pod's containers can see the proxy's process, and end it as root",
  },
];

/** What an injected pod has of its sidecar, which is not looked at there. */
export const ownNames: readonly string[] = [
  proxyContainerName,
  initContainerName,
  credentialsVolumeName,
  emptyVolumeName,
];

/** Every forbidden value in a pod; `injected` if it has its sidecar already. */
export function forbiddenIn(pod: Pod, injected: boolean): readonly Problem[] {
  return forbiddenFields.flatMap((rule) => problemsOf(rule, pod.spec, injected));
}

/** Those in ephemeral containers alone: they come into pods that run. */
export function forbiddenInEphemeralContainers(pod: Pod): readonly Problem[] {
  return forbiddenFields
    .filter(({ list }) => list === "ephemeralContainers")
    .flatMap((rule) => problemsOf(rule, pod.spec, true));
}

function problemsOf(rule: ForbiddenField, spec: PodSpec, injected: boolean): readonly Problem[] {
  const { list, path, severity, message } = rule;
  const places = placesOf(list, spec, injected);
  return places
    .filter(({ holder }) => isForbidden(rule, holder))
    .map(({ at }) => ({ severity, message, field: [at, ...path].join(".") }));
}

interface Place {
  readonly holder: unknown;
  readonly at: string;
}

function placesOf(list: ForbiddenField["list"], spec: PodSpec, injected: boolean): readonly Place[] {
  if (list === undefined) return [{ holder: spec, at: "spec" }];
  // The sidecar's containers are init containers; an application's that took their name would be found.
  const skipsOwn = injected && (list === "initContainers" || list === "volumes");
  return (spec[list] ?? [])
    .map((holder, index) => ({ holder, at: `spec.${list}[${index}]`, name: holder.name }))
    .filter(({ name }) => !skipsOwn || !ownNames.includes(name));
}

function isForbidden({ path, values, isList }: ForbiddenField, holder: unknown): boolean {
  const value = path.reduce<unknown>(
    (at, step) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[step] : undefined),
    holder,
  );
  const found = isList === true && Array.isArray(value) ? (value as readonly unknown[]) : [value];
  return found.some((each) => (values as readonly unknown[]).includes(each));
}
