/**
 * What the annotations of a pod ask of the injector: Istio's, as they are
 * (https://istio.io/latest/docs/reference/config/annotations/). Pod in, settings and problems out.
 */
import type { AddressRange } from "#interception/ranges.ts";
import { parseRange } from "#interception/ranges.ts";
import { type Interception, interceptEverything } from "#interception/rules.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Problem } from "#model/reference.ts";
import { memoryBytes } from "./quantity.ts";
import type { ProxyResources } from "./settings.ts";

export interface PodWishes {
  readonly interception: Interception;
  readonly resources: ProxyResources;
  readonly rewriteProbes: boolean;
  readonly problems: readonly Problem[];
}

/** Reads a pod's annotations. An error among the problems means that the pod must not be injected. */
export function readAnnotations(pod: Pod, defaults: ProxyResources): PodWishes {
  const annotations = pod.metadata.annotations ?? {};
  const problems: Problem[] = [];
  const report = (severity: Problem["severity"], name: string, message: string) =>
    problems.push({ severity, message, field: annotationField(name) });
  const list = <T>(name: string, parse: (text: string) => T | undefined, expected: string): readonly T[] =>
    splitList(annotations[name]).flatMap((text) => {
      const value = parse(text);
      if (value !== undefined) return [value];
      report("error", name, `"${text}" is not ${expected}`);
      return [];
    });
  const ports = (name: string) => list(traffic(name), parsePort, "a port from 1 to 65535");
  const ranges = (name: string) =>
    list(traffic(name), parseRange, "a range of IPv4 addresses such as 10.0.0.0/8");
  const allOr = <T>(name: string, read: (name: string) => readonly T[]): readonly T[] | "all" => {
    const text = annotations[traffic(name)];
    return text === undefined || text.trim() === "*" ? "all" : read(name);
  };

  for (const [name, value] of Object.entries(annotations)) reportUnsupported(name, value, report);
  const interception: Interception = {
    includeInboundPorts: allOr("includeInboundPorts", ports),
    excludeInboundPorts: ports("excludeInboundPorts"),
    includeOutboundRanges: allOr<AddressRange>("includeOutboundIPRanges", ranges),
    excludeOutboundRanges: ranges("excludeOutboundIPRanges"),
    includeOutboundPorts: ports("includeOutboundPorts"),
    excludeOutboundPorts: ports("excludeOutboundPorts"),
  };
  return {
    interception: annotations[interceptionMode] === "NONE" ? interceptNothing : interception,
    resources: readResources(annotations, defaults, report),
    rewriteProbes: annotations["sidecar.istio.io/rewriteAppHTTPProbers"] !== "false",
    problems,
  };
}

/** The path of an annotation in an object, as problems name it. */
export function annotationField(name: string): string {
  return `metadata.annotations['${name}']`;
}

type Report = (severity: Problem["severity"], name: string, message: string) => void;

const interceptionMode = "sidecar.istio.io/interceptionMode";

const interceptNothing: Interception = {
  ...interceptEverything,
  includeInboundPorts: [],
  includeOutboundRanges: [],
};

const supportedTraffic = new Set(
  [
    "includeInboundPorts",
    "excludeInboundPorts",
    "includeOutboundIPRanges",
    "excludeOutboundIPRanges",
    "includeOutboundPorts",
    "excludeOutboundPorts",
  ].map(traffic),
);

/** Annotations that would change how a proxy is made, and do not. */
const unsupportedSidecar = new Set(
  ["userVolume", "userVolumeMount", "bootstrapOverride", "proxyImage", "logLevel", "componentLogLevel"].map(
    (name) => `sidecar.istio.io/${name}`,
  ),
);

function reportUnsupported(name: string, value: string, report: Report): void {
  const unknownTraffic = name.startsWith(traffic("")) && !supportedTraffic.has(name);
  if (unknownTraffic || unsupportedSidecar.has(name)) {
    report("warning", name, `the annotation ${name} is not supported yet; it has no effect`);
  }
  if (name === interceptionMode && value !== "REDIRECT" && value !== "NONE") {
    report("error", name, `the interception mode "${value}" is not supported; use REDIRECT or NONE`);
  }
}

function readResources(
  annotations: Readonly<Record<string, string>>,
  defaults: ProxyResources,
  report: Report,
): ProxyResources {
  const of = (name: string) => annotations[`sidecar.istio.io/${name}`];
  const cpuLimit = of("proxyCPULimit") ?? defaults.cpuLimit;
  const memoryLimit = of("proxyMemoryLimit") ?? defaults.memoryLimit;
  if (memoryBytes(memoryLimit) === undefined) {
    report(
      "error",
      "sidecar.istio.io/proxyMemoryLimit",
      `"${memoryLimit}" is not an amount of memory such as 256Mi`,
    );
  }
  return {
    cpu: of("proxyCPU") ?? defaults.cpu,
    memory: of("proxyMemory") ?? defaults.memory,
    ...(cpuLimit !== undefined && { cpuLimit }),
    memoryLimit,
  };
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

function parsePort(text: string): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 ? port : undefined;
}
