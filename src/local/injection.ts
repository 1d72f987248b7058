import { decideInjection } from "#injector/decision.ts";
import { gatewayWorkload } from "#injector/gateway.ts";
import { injectSidecar } from "#injector/inject.ts";
import { defaultInjectionSettings, type InjectionSettings } from "#injector/settings.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { Service } from "#model/kubernetes/service.ts";
import type { Deployment } from "#model/kubernetes/workloads.ts";
import type { ObjectReference } from "#model/reference.ts";
import { CONTROL_PLANE_PORT } from "./addresses.ts";
import type { Inject } from "./workloads/workload.ts";

/**
 * As in a cluster; the DNS server of the mesh gives the control plane's name its address. `latencyAware`: whether this
 * machine has the module that balances by latency.
 */
export function localSettings(latencyAware: boolean): InjectionSettings {
  return {
    ...defaultInjectionSettings,
    latencyAware,
    xdsAddress: { host: "heddle.heddle-system.svc", port: CONTROL_PLANE_PORT },
  };
}

type Labels = Readonly<Record<string, string>>;

/** Injects pods as the admission webhook does, by the same functions. */
export function localInjection(
  settings: InjectionSettings,
  labelsOf: (namespace: string) => Labels | undefined,
): Inject {
  return (pod) => {
    const labels = labelsOf(pod.metadata.namespace ?? "default");
    const decision = decideInjection(pod, labels === undefined ? {} : { labels });
    if (!decision.inject) return { kind: "ready", pod, warnings: [] };
    const injection = injectSidecar(pod, settings);
    return injection.kind === "refused"
      ? injection
      : { kind: "ready", pod: injection.pod, warnings: injection.warnings };
  };
}

/** What runs for the Gateways of the mesh, each with the object that asked for it. */
export function gatewayObjects(
  gateways: readonly Gateway[],
  settings: InjectionSettings,
): readonly {
  readonly origin: ObjectReference;
  readonly deployment: Deployment;
  readonly service: Service;
}[] {
  return gateways.map((gateway) => {
    const { name, namespace = "default" } = gateway.metadata;
    return { origin: { kind: "Gateway", namespace, name }, ...gatewayWorkload(gateway, settings) };
  });
}
