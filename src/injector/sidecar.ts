/** What a pod gets: containers, volumes and annotations, of the settings and of what the pod asks for. */
import type { Container, Volume } from "#model/kubernetes/pod.ts";
import { credentialsDirectory } from "./bootstrap.ts";
import { emptyVolumeName, initContainerName, injectedAnnotation } from "./names.ts";
import { credentialsVolume, proxyAnnotations, proxyContainer } from "./proxy.ts";
import type { InjectionSettings, ProxyResources } from "./settings.ts";

export interface Sidecar {
  readonly annotations: Readonly<Record<string, string>>;
  /** Before the application's own init containers, which are in the mesh, too. */
  readonly initContainers: readonly Container[];
  readonly volumes: readonly Volume[];
}

/** What differs from pod to pod. */
export interface SidecarWishes {
  /** The ruleset for `nft`. */
  readonly rules: string;
  readonly resources: ProxyResources;
  /** See `maxHeapBytes`. */
  readonly heapBytes: string;
}

/**
 * The parts of a sidecar. Texts of `wishes` are put into texts and are not looked at: the admission policy is made of
 * the same parts with expressions in their places.
 */
export function sidecar(settings: InjectionSettings, wishes: SidecarWishes): Sidecar {
  return {
    annotations: { [injectedAnnotation]: "1", ...proxyAnnotations },
    initContainers: [
      initContainer(settings, wishes.rules),
      { ...proxyContainer(settings, wishes.resources, wishes.heapBytes), restartPolicy: "Always" },
    ],
    volumes: [credentialsVolume, { name: emptyVolumeName, emptyDir: {} }],
  };
}

function initContainer(settings: InjectionSettings, rules: string): Container {
  return {
    name: initContainerName,
    image: settings.controlPlaneImage,
    ...(settings.imagePullPolicy && { imagePullPolicy: settings.imagePullPolicy }),
    command: ["nft"],
    args: [rules],
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
    // Hides the API token, which Kubernetes would otherwise mount there.
    volumeMounts: [{ name: emptyVolumeName, mountPath: credentialsDirectory, readOnly: true }],
  };
}
