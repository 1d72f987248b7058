/** Pod in, pod with sidecar out: the one function by which pods join the mesh, wherever they are created. */
import { proxyUid } from "#interception/addresses.ts";
import { type Interception, interceptionRules } from "#interception/rules.ts";
import type { Container, Pod, Volume } from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import type { Problem } from "#model/reference.ts";
import { readAnnotations } from "./annotations.ts";
import { credentialsDirectory } from "./bootstrap.ts";
import { rewriteProbes } from "./probes.ts";
import {
  credentialsVolume,
  credentialsVolumeName,
  injectedAnnotation,
  proxyAnnotations,
  proxyContainer,
} from "./proxy.ts";
import type { InjectionSettings } from "./settings.ts";

export type Injection =
  | { readonly kind: "injected"; readonly pod: Pod; readonly warnings: readonly Problem[] }
  | { readonly kind: "refused"; readonly problem: Problem };

export const initContainerName = "heddle-init";
const emptyVolumeName = "heddle-none";

/**
 * Adds the proxy to a pod, as a native sidecar, and the capture of its traffic. The application's probes are
 * rewritten. A pod that has been injected comes back as it is. Refused: annotations that cannot be understood, and
 * containers that would go past the proxy or clash with it.
 */
export function injectSidecar(pod: Pod, settings: InjectionSettings): Injection {
  if (isInjected(pod)) return { kind: "injected", pod, warnings: [] };
  const wishes = readAnnotations(pod, settings.proxyResources);
  const problems = [...wishes.problems, ...conflicts(pod)].map((problem) => ({
    ...problem,
    object: reference(pod),
  }));
  const reason = problems.find((problem) => problem.severity === "error");
  if (reason !== undefined) return { kind: "refused", problem: reason };
  const spec = wishes.rewriteProbes ? rewriteProbes(pod.spec) : pod.spec;
  const sidecar: Container = { ...proxyContainer(settings, wishes.resources), restartPolicy: "Always" };
  const injected: Pod = {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { ...pod.metadata.annotations, [injectedAnnotation]: "1", ...proxyAnnotations },
    },
    spec: {
      ...spec,
      // First of all: the application's own init containers are in the mesh, too.
      initContainers: [initContainer(settings, wishes.interception), sidecar, ...(spec.initContainers ?? [])],
      volumes: [...(spec.volumes ?? []), credentialsVolume, emptyVolume],
    },
  };
  return { kind: "injected", pod: injected, warnings: problems };
}

/** Whether the injector has been here. */
export function isInjected(pod: Pod): boolean {
  return (
    pod.metadata.annotations?.[injectedAnnotation] !== undefined && hasContainer(pod, proxyContainerName)
  );
}

/** Hides the API token, which Kubernetes would otherwise mount into the init container. */
const emptyVolume: Volume = { name: emptyVolumeName, emptyDir: {} };

function initContainer(settings: InjectionSettings, interception: Interception): Container {
  return {
    name: initContainerName,
    image: settings.controlPlaneImage,
    command: ["nft"],
    args: [interceptionRules(interception)],
    resources: { requests: { cpu: "10m", memory: "10Mi" }, limits: { memory: "50Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: false,
      runAsUser: 0,
      runAsGroup: 0,
      seccompProfile: { type: "RuntimeDefault" },
    },
    volumeMounts: [{ name: emptyVolumeName, mountPath: credentialsDirectory, readOnly: true }],
  };
}

/** What in a pod would break the sidecar, or get past it. */
function conflicts(pod: Pod): readonly Problem[] {
  const inContainer = (list: "initContainers" | "containers") =>
    (pod.spec[list] ?? []).flatMap((container, i) => [
      ...asProxy(container.securityContext?.runAsUser, `spec.${list}[${i}].securityContext.runAsUser`),
      ...([proxyContainerName, initContainerName].includes(container.name)
        ? [
            error(
              `the name ${container.name} is the sidecar's; call the container otherwise`,
              `spec.${list}[${i}].name`,
            ),
          ]
        : []),
    ]);
  const volumes = (pod.spec.volumes ?? []).flatMap((volume, i) =>
    [credentialsVolumeName, emptyVolumeName].includes(volume.name)
      ? [
          error(
            `the name ${volume.name} is the sidecar's; call the volume otherwise`,
            `spec.volumes[${i}].name`,
          ),
        ]
      : [],
  );
  return [
    ...asProxy(pod.spec.securityContext?.runAsUser, "spec.securityContext.runAsUser"),
    ...inContainer("initContainers"),
    ...inContainer("containers"),
    ...volumes,
  ];
}

function asProxy(runAsUser: number | undefined, field: string): readonly Problem[] {
  return runAsUser === proxyUid
    ? [error(`user ${proxyUid} is the proxy's, whose traffic is not captured; run as another one`, field)]
    : [];
}

function error(message: string, field: string): Problem {
  return { severity: "error", message, field };
}

function hasContainer(pod: Pod, name: string): boolean {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some(
    (container) => container.name === name,
  );
}

function reference(pod: Pod) {
  return { kind: pod.kind, namespace: pod.metadata.namespace ?? "default", name: pod.metadata.name };
}
