import { defaultInjectionSettings, type InjectionSettings, imagesOf } from "#injector/settings.ts";
import type { OutboundTrafficMode } from "#model/others.ts";

/** Who puts the sidecar into pods: the control plane, when the API server asks it, or the API server by itself. */
export type InjectionMode = "webhook" | "policy";

export const injectionModes: readonly InjectionMode[] = ["webhook", "policy"];

/** What may differ between two installations. */
export interface InstallationSettings {
  /** Of Heddle; becomes the label `app.kubernetes.io/version`. */
  readonly version: string;
  readonly controlPlaneImage: string;
  readonly proxyImage: string;
  /** Whether that image has the module that balances by latency, and proxies load it. */
  readonly latencyAware: boolean;
  /** The first part of every identity: `spiffe://TRUST DOMAIN/ns/…`. */
  readonly trustDomain: string;
  /** What becomes of traffic to destinations that nobody declares. */
  readonly outboundTrafficPolicy: OutboundTrafficMode;
  /** Of the control plane. */
  readonly replicas: number;
  readonly injection: InjectionMode;
  /** Seconds for which containers of the mesh are not signalled yet when their pod ends; 0 for none. */
  readonly terminationDelaySeconds: number;
  /** Whether the cluster has the Gateway API: without it there can be no GatewayClass. */
  readonly gatewayApi: boolean;
  readonly resources: ControlPlaneResources;
}

/** Quantities as Kubernetes writes them. */
export interface ControlPlaneResources {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

/** What an installation of this version is, if nobody asks for anything else. */
export function defaultSettings(version: string): InstallationSettings {
  return {
    version,
    ...imagesOf(version),
    latencyAware: true,
    trustDomain: "cluster.local",
    outboundTrafficPolicy: "ALLOW_ANY",
    replicas: 2,
    injection: "webhook",
    // Endpoints that go are known everywhere in far less, even while the control plane is busy.
    terminationDelaySeconds: 5,
    gatewayApi: true,
    // No limit of CPU: it would slow down pushes just when there are many.
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "1Gi" } },
  };
}

/** What the injector of such an installation puts into pods. */
export function injectionSettings(settings: InstallationSettings): InjectionSettings {
  return {
    ...defaultInjectionSettings,
    controlPlaneImage: settings.controlPlaneImage,
    proxyImage: settings.proxyImage,
    latencyAware: settings.latencyAware,
    terminationDelaySeconds: settings.terminationDelaySeconds,
  };
}
