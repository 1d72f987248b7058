// What a control plane is told when it starts on Kubernetes.
import { parseArgs } from "node:util";
import { defaultInjectionSettings, type InjectionSettings } from "#injector/settings.ts";
import { isOutboundTrafficMode, type OthersPolicy, othersPolicyOf } from "#model/others.ts";
import { apiPort } from "#runtime/ports.ts";

export interface ReplicaSettings {
  /** Of this replica, by the Downward API. */
  readonly pod: { readonly name: string; readonly address: string };
  readonly trustDomain: string;
  /** Milliseconds. */
  readonly certificateLifetimeMs: number;
  /** Where commands ask: loopback, so that they must come by `port-forward`. */
  readonly api: { readonly host: string; readonly port: number };
  readonly injection: InjectionSettings;
  readonly mesh: { readonly outboundTrafficPolicy: OthersPolicy };
}

const usage = `usage: main-kubernetes.ts [OPTION]..., with POD_NAME and POD_IP in the environment
  --trust-domain NAME
  --outbound-traffic-policy ALLOW_ANY|REGISTRY_ONLY
  --control-plane-image IMAGE, --proxy-image IMAGE, --latency-aware true|false
  --proxy-cpu QUANTITY, --proxy-cpu-limit QUANTITY, --proxy-memory QUANTITY, --proxy-memory-limit QUANTITY
  --concurrency THREADS, --termination-delay SECONDS
  --api-listen ADDRESS:PORT`;

const day = 24 * 60 * 60 * 1000;

/**
 * Reads the command line, the Downward API's variables, and `HEDDLE_CERTIFICATE_LIFETIME_MS` for tests of renewal.
 * Throws with the usage when something is missing or wrong.
 */
export function readReplicaSettings(argv: readonly string[], env: NodeJS.ProcessEnv): ReplicaSettings {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      "trust-domain": { ...text, default: "cluster.local" },
      "outbound-traffic-policy": { ...text, default: "ALLOW_ANY" },
      "control-plane-image": { ...text, default: defaultInjectionSettings.controlPlaneImage },
      "proxy-image": { ...text, default: defaultInjectionSettings.proxyImage },
      "latency-aware": { ...text, default: String(defaultInjectionSettings.latencyAware) },
      "proxy-cpu": { ...text, default: defaultInjectionSettings.proxyResources.cpu },
      "proxy-cpu-limit": text,
      "proxy-memory": { ...text, default: defaultInjectionSettings.proxyResources.memory },
      "proxy-memory-limit": { ...text, default: defaultInjectionSettings.proxyResources.memoryLimit },
      concurrency: { ...text, default: String(defaultInjectionSettings.concurrency) },
      "termination-delay": { ...text, default: String(defaultInjectionSettings.terminationDelaySeconds) },
      "api-listen": { ...text, default: `127.0.0.1:${apiPort}` },
    },
  });
  const { POD_NAME: name = "", POD_IP: address = "", HEDDLE_CERTIFICATE_LIFETIME_MS: lifetime = day } = env;
  const [host = "", port] = values["api-listen"].split(":");
  const concurrency = Number(values.concurrency);
  const terminationDelaySeconds = Number(values["termination-delay"]);
  const isComplete = name !== "" && address !== "" && host !== "" && Number(port) > 0;
  const mode = values["outbound-traffic-policy"];
  const latencyAware = values["latency-aware"];
  const isDelay = Number.isInteger(terminationDelaySeconds) && terminationDelaySeconds >= 0;
  if (
    !isComplete ||
    !(Number(lifetime) > 0) ||
    !(concurrency >= 1) ||
    !isDelay ||
    !/^(?:true|false)$/.test(latencyAware) ||
    !isOutboundTrafficMode(mode)
  )
    throw new Error(usage);
  const cpuLimit = values["proxy-cpu-limit"];
  return {
    pod: { name, address },
    trustDomain: values["trust-domain"],
    certificateLifetimeMs: Number(lifetime),
    api: { host, port: Number(port) },
    mesh: { outboundTrafficPolicy: othersPolicyOf(mode) },
    injection: {
      ...defaultInjectionSettings,
      controlPlaneImage: values["control-plane-image"],
      proxyImage: values["proxy-image"],
      latencyAware: latencyAware === "true",
      concurrency,
      terminationDelaySeconds,
      proxyResources: {
        cpu: values["proxy-cpu"],
        memory: values["proxy-memory"],
        memoryLimit: values["proxy-memory-limit"],
        ...(cpuLimit !== undefined && { cpuLimit }),
      },
    },
  };
}
