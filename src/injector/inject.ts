/** Pod in, pod with sidecar out: the one function by which pods join the mesh, wherever they are created. */
import { interceptionRules } from "#interception/rules.ts";
import { isGatewayTemplate } from "#model/kubernetes/gateway-template.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import type { Problem } from "#model/reference.ts";
import { type PodWishes, readAnnotations } from "./annotations.ts";
import { maxHeapBytes } from "./bootstrap.ts";
import { forbiddenIn } from "./forbidden-fields.ts";
import { gatewayProblem, isInjectedGateway, withGateway } from "./gateway-pod.ts";
import { initContainerName, injectedAnnotation } from "./names.ts";
import { rewriteProbes } from "./probes.ts";
import type { InjectionSettings } from "./settings.ts";
import { sidecar } from "./sidecar.ts";
import { delayTermination } from "./termination.ts";

export type Injection =
  | { readonly kind: "injected"; readonly pod: Pod; readonly warnings: readonly Problem[] }
  | { readonly kind: "refused"; readonly problem: Problem };

/**
 * Adds the proxy to a pod, as a native sidecar, and the capture of its traffic. The application's probes are
 * rewritten. Refused: annotations that cannot be understood, and containers that would go past the proxy or clash with
 * it. A pod that has been injected is looked at again, for others may have added containers to it since.
 */
export function injectSidecar(pod: Pod, settings: InjectionSettings): Injection {
  const wishes = readAnnotations(pod, settings);
  if (isGatewayTemplate(pod)) return injectGateway(pod, settings, wishes);
  const problems = [...wishes.problems, ...forbiddenIn(pod, isInjected(pod))].map((problem) => ({
    ...problem,
    object: reference(pod),
  }));
  const reason = problems.find((problem) => problem.severity === "error");
  if (reason !== undefined) return { kind: "refused", problem: reason };
  const rewritten = wishes.rewriteProbes ? rewriteProbes(pod.spec) : pod.spec;
  const prepared = { ...pod, spec: delayTermination(rewritten, wishes.terminationDelay) };
  const injected = isInjected(pod) ? prepared : withSidecar(prepared, settings, wishes);
  return { kind: "injected", pod: injected, warnings: problems };
}

/** The same for a pod that is to be a gateway: it has its proxy in the place that it has for it. */
function injectGateway(pod: Pod, settings: InjectionSettings, wishes: PodWishes): Injection {
  const unfit = gatewayProblem(pod);
  const problems = [...wishes.problems, ...(unfit === undefined ? [] : [unfit])].map((problem) => ({
    ...problem,
    object: reference(pod),
  }));
  const reason = problems.find((problem) => problem.severity === "error");
  if (reason !== undefined) return { kind: "refused", problem: reason };
  const injected = isInjectedGateway(pod) ? pod : withGateway(pod, settings, wishes.resources);
  return { kind: "injected", pod: injected, warnings: problems };
}

/** Whether the injector has been here, and made a sidecar. */
export function isInjected(pod: Pod): boolean {
  const names = (pod.spec.initContainers ?? []).map(({ name }) => name);
  return (
    pod.metadata.annotations?.[injectedAnnotation] !== undefined &&
    names.includes(initContainerName) &&
    names.includes(proxyContainerName)
  );
}

function withSidecar(pod: Pod, settings: InjectionSettings, wishes: PodWishes): Pod {
  const parts = sidecar(settings, {
    rules: interceptionRules(wishes.interception),
    resources: wishes.resources,
    heapBytes: maxHeapBytes(wishes.resources.memoryLimit),
  });
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...parts.annotations } },
    spec: {
      ...pod.spec,
      initContainers: [...parts.initContainers, ...(pod.spec.initContainers ?? [])],
      volumes: [...(pod.spec.volumes ?? []), ...parts.volumes],
    },
  };
}

function reference(pod: Pod) {
  return { kind: pod.kind, namespace: pod.metadata.namespace ?? "default", name: pod.metadata.name };
}
