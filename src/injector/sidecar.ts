/** What a pod gets: containers, volumes and annotations, of the settings and of what the pod asks for. */
import { healthPort } from "#interception/addresses.ts";
import type { Container, Volume } from "#model/kubernetes/pod.ts";
import { credentialsDirectory } from "./bootstrap.ts";
import { emptyVolumeName, initContainerName, injectedAnnotation } from "./names.ts";
import { credentialsVolume, proxyAnnotations, proxyContainer, ready } from "./proxy.ts";
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
      {
        ...proxyContainer(settings, wishes.resources, wishes.heapBytes),
        restartPolicy: "Always",
        // No startup probe: `initContainer` waits, and is seen to end sooner than a probe to succeed. This is for later,
        // when the proxy has been restarted and does not have its configuration yet.
        readinessProbe: { ...ready, periodSeconds: 5, timeoutSeconds: 5 },
      },
      initContainer(settings, wishes.rules),
    ],
    volumes: [credentialsVolume, { name: emptyVolumeName, emptyDir: {} }],
  };
}

/**
 * Captures the traffic, and waits until the proxy has its configuration: nothing after it starts before. It waits for a
 * control plane that is away, and ends at once when it is told to.
 */
const captureAndWait = [
  "trap 'exit 143' TERM",
  'nft "$1" || exit',
  "echo 'Traffic is captured. Waiting for the sidecar to have its configuration.'",
  "is_ready() {",
  `  exec 3<>/dev/tcp/127.0.0.1/${healthPort} || return`,
  "  printf 'GET /ready HTTP/1.1\\r\\nHost: heddle\\r\\nConnection: close\\r\\n\\r\\n' >&3",
  '  read -r -t 1 _ status _ <&3 && [ "$status" = 200 ]',
  "}",
  "until is_ready 2>/dev/null; do sleep 0.05; done",
].join("\n");

function initContainer(settings: InjectionSettings, rules: string): Container {
  return {
    name: initContainerName,
    image: settings.controlPlaneImage,
    ...(settings.imagePullPolicy && { imagePullPolicy: settings.imagePullPolicy }),
    command: ["bash", "-c", captureAndWait, initContainerName],
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
