import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { Service } from "#model/kubernetes/service.ts";
import type { Deployment } from "#model/kubernetes/workloads.ts";
import type { ObjectReference } from "#model/reference.ts";
import type { Inject } from "./workloads/workload.ts";

export function localInjection(
  _labelsOf: (namespace: string) => Readonly<Record<string, string>> | undefined,
): Inject {
  return (pod) => ({ kind: "ready", pod });
}

export function gatewayObjects(_gateways: readonly Gateway[]): readonly {
  readonly origin: ObjectReference;
  readonly deployment: Deployment;
  readonly service: Service;
}[] {
  return [];
}
