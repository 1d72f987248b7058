/** The parts of a pod that a sidecar and a gateway share: the proxy's container and what it needs. */

import { tokenAudience } from "#identity/token-audience.ts";
import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import { healthPort, proxyUid } from "#interception/addresses.ts";
import type { Container, Volume } from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import { bootstrap, credentialsDirectory, tokenFile, tokenSds, tokenSdsFile } from "./bootstrap.ts";
import { credentialsVolumeName, sdsAnnotation } from "./names.ts";
import type { InjectionSettings, ProxyResources } from "./settings.ts";

/** Kubernetes renews a token at 80 % of this. */
const tokenLifetimeSeconds = 3600;

/** The path by which the kubelet and others see that a proxy has its configuration. */
export const ready = { httpGet: { path: "/ready", port: healthPort } };

/** What a pod with a proxy must be annotated with: the volume makes a file of it. */
export const proxyAnnotations: Readonly<Record<string, string>> = { [sdsAnnotation]: tokenSds() };

/** The volume of everything by which the proxy proves who it is and knows the control plane. */
export const credentialsVolume: Volume = {
  name: credentialsVolumeName,
  projected: {
    defaultMode: 0o444, // The proxy does not run as the files' owner.
    sources: [
      {
        serviceAccountToken: {
          audience: tokenAudience,
          expirationSeconds: tokenLifetimeSeconds,
          path: tokenFile,
        },
      },
      {
        downwardAPI: {
          items: [
            { path: tokenSdsFile, fieldRef: { fieldPath: `metadata.annotations['${sdsAnnotation}']` } },
          ],
        },
      },
      { configMap: { name: trustBundleConfigMap } },
    ],
  },
};

/** Envoy and nothing else, as a container without rights. `heapBytes` is what `maxHeapBytes` says of its memory. */
export function proxyContainer(
  settings: InjectionSettings,
  resources: ProxyResources,
  heapBytes: string,
): Container {
  return {
    name: proxyContainerName,
    image: settings.proxyImage,
    ...(settings.imagePullPolicy && { imagePullPolicy: settings.imagePullPolicy }),
    command: ["envoy"],
    args: [
      "--concurrency",
      String(settings.concurrency),
      "--log-level",
      "warning",
      // It needs memory that other Envoys of a machine without images would share.
      "--disable-hot-restart",
      "--file-flush-interval-msec",
      "250",
      // An old listener asks its clients to reconnect at once, and closes none of their connections for ten minutes.
      "--drain-strategy",
      "immediate",
      "--config-yaml",
      JSON.stringify(bootstrap(settings, heapBytes)),
    ],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "SERVICE_ACCOUNT", valueFrom: { fieldRef: { fieldPath: "spec.serviceAccountName" } } },
    ],
    ports: [{ containerPort: healthPort, name: "heddle-health", protocol: "TCP" }],
    resources: {
      requests: { cpu: resources.cpu, memory: resources.memory },
      limits: {
        ...(resources.cpuLimit !== undefined && { cpu: resources.cpuLimit }),
        memory: resources.memoryLimit,
      },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: proxyUid,
      runAsGroup: proxyUid,
      seccompProfile: { type: "RuntimeDefault" },
    },
    volumeMounts: [{ name: credentialsVolumeName, mountPath: credentialsDirectory, readOnly: true }],
  };
}
