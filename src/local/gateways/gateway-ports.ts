import type { Gateway } from "#model/gateway-api/gateway.ts";
import { isReady, type Pod } from "#model/kubernetes/pod.ts";
import { gatewayNameLabel } from "#model/kubernetes/workload.ts";
import type { HostPort } from "./host-ports.ts";

/** The ports of the host by which gateways are reached: those of their listeners. Pure. */
export function gatewayHostPorts(gateways: readonly Gateway[], pods: readonly Pod[]): readonly HostPort[] {
  return gateways.flatMap((gateway) => {
    const { name, namespace = "default" } = gateway.metadata;
    const addresses = pods
      .filter(
        (pod) =>
          pod.metadata.namespace === namespace &&
          pod.metadata.labels?.[gatewayNameLabel] === name &&
          isReady(pod),
      )
      .flatMap((pod) => pod.status?.podIP ?? []);
    return gateway.spec.listeners.map((listener, index) => ({
      port: listener.port,
      gateway: { kind: "Gateway", namespace, name },
      field: `spec.listeners[${index}].port`,
      endpoints: addresses.map((address) => ({ address, port: listener.port })),
    }));
  });
}
