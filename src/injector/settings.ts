/** What the injector needs to know of the mesh. */
export interface InjectionSettings {
  /** Has `envoy` in its PATH. */
  readonly proxyImage: string;
  /** Has `nft` in its PATH. */
  readonly controlPlaneImage: string;
  /** Of both images; without it Kubernetes decides by their tags. */
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  /** Where proxies find the control plane; its certificate is for that host. */
  readonly xdsAddress: { readonly host: string; readonly port: number };
  /** How often a proxy pushes what it has measured. */
  readonly statsFlushSeconds: number;
  /** Threads of a proxy that handle traffic. */
  readonly concurrency: number;
  readonly proxyResources: ProxyResources;
  /** Whether the proxy's image has the module that balances by latency; a proxy that is to load it does not start without. */
  readonly latencyAware: boolean;
  /**
   * Seconds between the end of a pod's endpoints and the signal to its containers, where they do not say otherwise; 0
   * for none. Kubernetes 1.30 and newer.
   */
  readonly terminationDelaySeconds: number;
}

/** Quantities as Kubernetes writes them. */
export interface ProxyResources {
  readonly cpu: string;
  readonly memory: string;
  readonly cpuLimit?: string;
  readonly memoryLimit: string;
}

/** The images of a version of Heddle. */
export function imagesOf(version: string): Pick<InjectionSettings, "controlPlaneImage" | "proxyImage"> {
  return { controlPlaneImage: `heddle/control-plane:${version}`, proxyImage: `heddle/proxy:${version}` };
}

export const defaultInjectionSettings: InjectionSettings = {
  ...imagesOf("0.1.0"),
  xdsAddress: { host: "heddle.heddle-system.svc", port: 15010 },
  statsFlushSeconds: 5,
  concurrency: 2,
  latencyAware: true,
  proxyResources: { cpu: "10m", memory: "40Mi", memoryLimit: "256Mi" },
  terminationDelaySeconds: 0,
};
