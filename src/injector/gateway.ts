/** Gateway in, the objects that run it out: a proxy of its own, with a Service in front. */
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { ServiceAccount } from "#model/kubernetes/configuration.ts";
import type { Container } from "#model/kubernetes/pod.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { gatewayNameLabel } from "#model/kubernetes/workload.ts";
import type { Deployment } from "#model/kubernetes/workloads.ts";
import type { ObjectMeta } from "#model/object.ts";
import { maxHeapBytes } from "./bootstrap.ts";
import { credentialsVolume, proxyAnnotations, proxyContainer, ready } from "./proxy.ts";
import type { InjectionSettings, ProxyResources } from "./settings.ts";

export interface GatewayWorkload {
  readonly deployment: Deployment;
  readonly service: Service;
  readonly serviceAccount: ServiceAccount;
}

/** How long a gateway goes on after it was told to stop, so that nobody sends to it any more when it ends. */
const drainSeconds = 5;

/**
 * What runs a Gateway: the sidecar's proxy as a Deployment `<gateway>-heddle`, without capture of traffic.
 * https://gateway-api.sigs.k8s.io/geps/gep-1762/
 */
export function gatewayWorkload(gateway: Gateway, settings: InjectionSettings): GatewayWorkload {
  const { namespace = "default" } = gateway.metadata;
  const labels = { [gatewayNameLabel]: gateway.metadata.name };
  const metadata: ObjectMeta = { name: gatewayWorkloadName(gateway.metadata.name), namespace, labels };
  return {
    deployment: deployment(gateway, settings, metadata, labels),
    service: service(gateway, metadata, labels),
    serviceAccount: { apiVersion: "v1", kind: "ServiceAccount", metadata },
  };
}

/** The name of the objects that run a Gateway. */
function gatewayWorkloadName(gateway: string): string {
  return `${gateway}-heddle`;
}

/** A safe sysctl: listeners below 1024 need it, as the proxy has no capabilities. */
export const lowPorts = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }];

/** The proxy as the container of a gateway. */
export function gatewayContainer(
  settings: InjectionSettings,
  resources: ProxyResources,
  heapBytes: string,
): Container {
  return {
    ...proxyContainer(settings, resources, heapBytes),
    // Long enough for a control plane that is away: the pod waits for it, and is not restarted.
    startupProbe: { ...ready, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 600 },
    readinessProbe: { ...ready, periodSeconds: 5 },
    lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
  };
}

type Labels = Readonly<Record<string, string>>;

function deployment(
  gateway: Gateway,
  settings: InjectionSettings,
  metadata: ObjectMeta,
  labels: Labels,
): Deployment {
  const resources = settings.proxyResources;
  const container = gatewayContainer(settings, resources, maxHeapBytes(resources.memoryLimit));
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: {
          // The injector must leave it alone.
          labels: {
            ...gateway.spec.infrastructure?.labels,
            ...labels,
            "heddle.dev/inject": "disabled",
            "sidecar.istio.io/inject": "false",
          },
          annotations: proxyAnnotations,
        },
        spec: {
          serviceAccountName: metadata.name,
          securityContext: { sysctls: lowPorts },
          containers: [
            {
              ...container,
              ports: [
                ...(container.ports ?? []),
                ...portsOf(gateway).map(({ port }) => ({ containerPort: port, protocol: "TCP" as const })),
              ],
            },
          ],
          volumes: [credentialsVolume],
        },
      },
    },
  };
}

function service(gateway: Gateway, metadata: ObjectMeta, labels: Labels): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: {
      type: "LoadBalancer",
      selector: labels,
      ports: portsOf(gateway).map(({ name, port }) => ({ name, port, targetPort: port, protocol: "TCP" })),
    },
  };
}

/** Listeners may share a port, and tell requests apart by host name. */
function portsOf(gateway: Gateway): readonly { readonly name: string; readonly port: number }[] {
  const names = new Map<number, string>();
  for (const { name, port } of gateway.spec.listeners) if (!names.has(port)) names.set(port, name);
  return [...names].map(([port, name]) => ({ name, port }));
}
