// What the node may ask a pod's proxy, read from the probes that the injector has rewritten.
import { type ProbePath, probePaths } from "#injector/probes.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { workloadOf } from "#model/kubernetes/workload.ts";
import type { HealthListenerView, ProbeView } from "../listener-views.ts";

/** Undefined for a pod without a proxy or without an address yet. */
export function healthListenerView(pod: Pod): HealthListenerView | undefined {
  const workload = workloadOf(pod);
  if (workload === undefined || workload.proxy === "none") return undefined;
  const probes = new Map<string, ProbeView>();
  for (const probe of probePaths(pod)) probes.set(probe.path, probeView(probe));
  return { address: workload.address, probes: [...probes.values()] };
}

function probeView(probe: ProbePath): ProbeView {
  const { path, port } = probe;
  switch (probe.kind) {
    case "tcp":
      return { kind: "tcp", path, port };
    case "grpc":
      return { kind: "grpc", path, port, service: probe.service ?? "" };
    default:
      return { kind: "http", path, port, applicationPath: probe.prefixRewrite ?? "/" };
  }
}
