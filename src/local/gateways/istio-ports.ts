import type { IstioGateway } from "#model/istio/gateway.ts";
import { isServed, listeningPort } from "#model/istio/gateway-servers.ts";
import { isReady, type Pod } from "#model/kubernetes/pod.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { workloadOf } from "#model/kubernetes/workload.ts";
import { hasLabels } from "#model/object.ts";
import type { Workload } from "#model/workload.ts";
import type { HostPort } from "./host-ports.ts";

/** The ports of the host by which the pods are reached that Istio's Gateways select: those of their servers. Pure. */
export function istioHostPorts(
  gateways: readonly IstioGateway[],
  pods: readonly Pod[],
  services: readonly Service[],
): readonly HostPort[] {
  const ready = pods
    .filter(isReady)
    .flatMap((pod) => workloadOf(pod) ?? [])
    .filter(({ proxy }) => proxy === "gateway");
  return gateways.flatMap(({ metadata, spec }) => {
    const { name, namespace = "default" } = metadata;
    const selected = ready.filter(({ labels }) => hasLabels(labels, spec.selector ?? {}));
    return (spec.servers ?? []).flatMap((server, index): readonly HostPort[] => {
      if (!isServed(server)) return [];
      return [
        {
          port: server.port.number,
          gateway: { kind: "Gateway.networking.istio.io", namespace, name },
          field: `spec.servers[${index}].port.number`,
          endpoints: selected.map((workload) => ({
            address: workload.address,
            port: listeningPort(server, servicesOf(workload, services), workload.ports),
          })),
        },
      ];
    });
  });
}

function servicesOf({ namespace, labels }: Workload, services: readonly Service[]) {
  return services
    .filter(({ metadata, spec }) => {
      const { selector = {} } = spec;
      const isHere = (metadata.namespace ?? "default") === namespace;
      return isHere && Object.keys(selector).length > 0 && hasLabels(labels, selector);
    })
    .map(({ spec }) => ({ ports: spec.ports ?? [] }));
}
