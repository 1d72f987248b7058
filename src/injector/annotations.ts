/**
 * What the annotations of a pod ask of the injector: Istio's, as they are
 * (https://istio.io/latest/docs/reference/config/annotations/). They are described as data, of which both the
 * function and the admission policy are made.
 */
import { type Interception, interceptEverything } from "#interception/rules.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Problem } from "#model/reference.ts";
import type { InjectionSettings, ProxyResources } from "./settings.ts";
import { terminationDelayAnnotation } from "./termination.ts";

export interface PodWishes {
  readonly interception: Interception;
  readonly resources: ProxyResources;
  readonly rewriteProbes: boolean;
  /** Seconds. */
  readonly terminationDelay: number;
  readonly problems: readonly Problem[];
}

/** What a value must look like; the expression means the same in JavaScript and in RE2. */
interface Format {
  readonly pattern: string;
  /** Follows `is not` in messages. */
  readonly expected: string;
}

/** An annotation with values between commas. */
export interface ListAnnotation extends Format {
  readonly name: string;
  readonly list: keyof Interception;
  /** Whether it means everything when it is `*` or not there. */
  readonly allByDefault: boolean;
}

/** An annotation with one value. */
export interface ValueAnnotation extends Format {
  readonly name: string;
  readonly resource?: keyof ProxyResources;
}

const port: Format = {
  pattern: "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$",
  expected: "a port from 1 to 65535",
};
const byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const range: Format = {
  pattern: `^(${byte}\\.){3}${byte}(/(3[0-2]|[12]?[0-9]))?$`,
  expected: "a range of IPv4 addresses such as 10.0.0.0/8",
};
const memory: Format = {
  pattern: "^[1-9][0-9]{0,11}(k|M|G|Ki|Mi|Gi)?$",
  expected: "an amount of memory such as 256Mi",
};
const cpu: Format = {
  pattern: "^([0-9]{1,6}m|[0-9]{1,4}([.][0-9]{1,3})?)$",
  expected: "an amount of CPU such as 100m",
};

/** In the order in which problems are reported. */
export const valueAnnotations: readonly ValueAnnotation[] = [
  {
    name: "sidecar.istio.io/interceptionMode",
    pattern: "^(REDIRECT|NONE)$",
    expected: "a mode of interception that is supported; use REDIRECT or NONE",
  },
  { name: "sidecar.istio.io/proxyCPU", resource: "cpu", ...cpu },
  { name: "sidecar.istio.io/proxyMemory", resource: "memory", ...memory },
  { name: "sidecar.istio.io/proxyCPULimit", resource: "cpuLimit", ...cpu },
  { name: "sidecar.istio.io/proxyMemoryLimit", resource: "memoryLimit", ...memory },
  {
    name: terminationDelayAnnotation,
    pattern: "^[0-9]{1,3}$",
    expected: "a number of seconds from 0 to 999",
  },
];

/** In the order in which problems are reported, after those of `valueAnnotations`. */
export const listAnnotations: readonly ListAnnotation[] = [
  { name: traffic("includeInboundPorts"), list: "includeInboundPorts", allByDefault: true, ...port },
  { name: traffic("excludeInboundPorts"), list: "excludeInboundPorts", allByDefault: false, ...port },
  { name: traffic("includeOutboundIPRanges"), list: "includeOutboundRanges", allByDefault: true, ...range },
  { name: traffic("excludeOutboundIPRanges"), list: "excludeOutboundRanges", allByDefault: false, ...range },
  { name: traffic("includeOutboundPorts"), list: "includeOutboundPorts", allByDefault: false, ...port },
  { name: traffic("excludeOutboundPorts"), list: "excludeOutboundPorts", allByDefault: false, ...port },
];

/** With the value `NONE` nothing is captured, whatever else is asked for. */
export const interceptionMode = "sidecar.istio.io/interceptionMode";

/** With the value `false` probes stay as they are. */
export const probeAnnotation = "sidecar.istio.io/rewriteAppHTTPProbers";

/** Annotations that would change how a proxy is made, and do not. */
export const unsupportedAnnotations: readonly string[] = [
  "userVolume",
  "userVolumeMount",
  "bootstrapOverride",
  "proxyImage",
  "logLevel",
  "componentLogLevel",
].map((name) => `sidecar.istio.io/${name}`);

/** All annotations that begin like this and are not in `listAnnotations` have no effect either. */
export const trafficPrefix = traffic("");

/** Reads a pod's annotations. An error among the problems means that the pod must not be injected. */
export function readAnnotations(pod: Pod, settings: InjectionSettings): PodWishes {
  const annotations = pod.metadata.annotations ?? {};
  const problems: Problem[] = Object.keys(annotations).filter(isUnsupported).map(unsupportedProblem);
  for (const each of valueAnnotations) {
    const value = annotations[each.name];
    if (value !== undefined) problems.push(...wrongValues([value], each));
  }
  let interception = annotations[interceptionMode] === "NONE" ? interceptNothing : interceptEverything;
  for (const each of listAnnotations) {
    const values = splitList(annotations[each.name]);
    problems.push(...(isAll(annotations[each.name], each) ? [] : wrongValues(values, each)));
    if (interception !== interceptNothing) interception = withList(interception, each, annotations);
  }
  return {
    interception,
    resources: readResources(annotations, settings.proxyResources),
    rewriteProbes: annotations[probeAnnotation] !== "false",
    terminationDelay: Number(annotations[terminationDelayAnnotation] ?? settings.terminationDelaySeconds),
    problems,
  };
}

/** The path of an annotation in an object, as problems name it. */
export function annotationField(name: string): string {
  return `metadata.annotations['${name}']`;
}

const interceptNothing: Interception = {
  ...interceptEverything,
  includeInboundPorts: [],
  includeOutboundRanges: [],
};

function isUnsupported(name: string): boolean {
  if (unsupportedAnnotations.includes(name)) return true;
  return name.startsWith(trafficPrefix) && !listAnnotations.some((each) => each.name === name);
}

function unsupportedProblem(name: string): Problem {
  const message = `the annotation ${name} is not supported yet; it has no effect`;
  return { severity: "warning", message, field: annotationField(name) };
}

function wrongValues(
  values: readonly string[],
  { name, pattern, expected }: Format & { readonly name: string },
): readonly Problem[] {
  const expression = new RegExp(pattern);
  return values
    .filter((value) => !expression.test(value))
    .map((value) => ({
      severity: "error",
      message: `"${value}" is not ${expected}`,
      field: annotationField(name),
    }));
}

function isAll(text: string | undefined, { allByDefault }: ListAnnotation): boolean {
  return allByDefault && (text === undefined || text.trim() === "*");
}

function withList(
  interception: Interception,
  annotation: ListAnnotation,
  annotations: Readonly<Record<string, string>>,
): Interception {
  const text = annotations[annotation.name];
  if (isAll(text, annotation)) return { ...interception, [annotation.list]: "all" };
  const values = splitList(text);
  const isRange = annotation.list.endsWith("Ranges");
  return { ...interception, [annotation.list]: isRange ? values : values.map(Number) };
}

function readResources(
  annotations: Readonly<Record<string, string>>,
  defaults: ProxyResources,
): ProxyResources {
  const wished = valueAnnotations.flatMap(({ name, resource }) => {
    const value = annotations[name];
    return resource === undefined || value === undefined ? [] : [[resource, value] as const];
  });
  return { ...defaults, ...Object.fromEntries(wished) };
}

function traffic(name: string): string {
  return `traffic.sidecar.istio.io/${name}`;
}

function splitList(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
