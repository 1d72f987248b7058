// The control plane itself, as ordinary workloads.
import { controlPlaneName, systemNamespace } from "#model/installation.ts";
import { controlPlaneNodeOptions } from "#runtime/node-options.ts";
import { metricsPort, webhookPort, xdsPort } from "#runtime/ports.ts";
import { clusterMeta, installationLabels, type Manifest, systemMeta } from "./object.ts";
import type { InstallationSettings } from "./settings.ts";

/** How pods of the control plane are found. */
export const controlPlaneSelector = { app: controlPlaneName };

/** Heddle's namespace, in which nothing may run that the strictest Pod Security level refuses. */
export function systemNamespaceManifest({ version }: InstallationSettings): Manifest {
  const { name, labels } = clusterMeta(systemNamespace, version);
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { ...labels, "pod-security.kubernetes.io/enforce": "restricted" } },
  };
}

export function serviceAccount({ version }: InstallationSettings): Manifest {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: systemMeta(controlPlaneName, version) };
}

/** Where proxies and the API server find the control plane. The API for commands is on loopback, and not here. */
export function service({ version }: InstallationSettings): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: systemMeta(controlPlaneName, version),
    spec: {
      selector: controlPlaneSelector,
      ports: [
        { name: "xds", port: xdsPort, protocol: "TCP", targetPort: xdsPort },
        { name: "webhooks", port: 443, protocol: "TCP", targetPort: webhookPort },
        { name: "metrics", port: metricsPort, protocol: "TCP", targetPort: metricsPort },
      ],
    },
  };
}

/** Drains of nodes leave a replica; with a single one they are not held up. */
export function disruptionBudget({ version }: InstallationSettings): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: systemMeta(controlPlaneName, version),
    spec: { maxUnavailable: 1, selector: { matchLabels: controlPlaneSelector } },
  };
}

export function deployment(settings: InstallationSettings): Manifest {
  const { version, replicas } = settings;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: systemMeta(controlPlaneName, version),
    spec: {
      replicas,
      selector: { matchLabels: controlPlaneSelector },
      // An upgrade never has fewer replicas than before: proxies move over to new ones.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: {
          labels: { ...installationLabels(version), ...controlPlaneSelector },
          annotations: {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": String(metricsPort),
          },
        },
        spec: podSpec(settings),
      },
    },
  };
}

function podSpec(settings: InstallationSettings): object {
  return {
    serviceAccountName: controlPlaneName,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    },
    // Streams are closed in good order within a few seconds.
    terminationGracePeriodSeconds: 30,
    // Preferred, not required: on a cluster of one node both run there.
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          "kubernetes.io/hostname",
          "topology.kubernetes.io/zone",
        ].map((topologyKey) => ({
          weight: 100,
          podAffinityTerm: { topologyKey, labelSelector: { matchLabels: controlPlaneSelector } },
        })),
      },
    },
    containers: [container(settings)],
  };
}

function container(settings: InstallationSettings): object {
  const probe = (path: string) => ({ httpGet: { path, port: metricsPort }, timeoutSeconds: 2 });
  return {
    name: "control-plane",
    image: settings.controlPlaneImage,
    // Both images are of one version, which is never built twice.
    imagePullPolicy: "IfNotPresent",
    command: ["node", ...controlPlaneNodeOptions, "/heddle/main-kubernetes.js"],
    args: [
      `--trust-domain=${settings.trustDomain}`,
      `--outbound-traffic-policy=${settings.outboundTrafficPolicy}`,
      `--control-plane-image=${settings.controlPlaneImage}`,
      `--proxy-image=${settings.proxyImage}`,
      `--latency-aware=${settings.latencyAware}`,
      `--termination-delay=${settings.terminationDelaySeconds}`,
    ],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    ],
    ports: [
      { name: "xds", containerPort: xdsPort, protocol: "TCP" },
      { name: "webhooks", containerPort: webhookPort, protocol: "TCP" },
      { name: "metrics", containerPort: metricsPort, protocol: "TCP" },
    ],
    startupProbe: { ...probe("/live"), periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...probe("/ready"), periodSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...probe("/live"), periodSeconds: 10, failureThreshold: 6 },
    resources: settings.resources,
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    },
  };
}
