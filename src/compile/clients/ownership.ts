// Which objects are ours to speak of.
import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import {
  isGatewayParent,
  isServiceParent,
  type ParentReference,
  parentKey,
} from "#model/gateway-api/references.ts";
import { gatewayClass, gatewayController } from "#model/installation.ts";
import type { MeshObjects } from "#sources/objects.ts";

/** Whether a Gateway's class is one of ours. */
export function isOurGateway(objects: MeshObjects, fetch: Fetch, { spec }: Pick<Gateway, "spec">): boolean {
  const found = fetch.get(objects.gatewayClasses, spec.gatewayClassName);
  return found === undefined
    ? spec.gatewayClassName === gatewayClass
    : found.spec.controllerName === gatewayController;
}

/** Whether a parent of a route of `namespace` is a Service or one of our Gateways. */
export function isOurParent(
  objects: MeshObjects,
  fetch: Fetch,
  parent: ParentReference,
  namespace: string,
): boolean {
  if (isServiceParent(parent)) return true;
  const gateway = isGatewayParent(parent)
    ? fetch.get(objects.gateways, parentKey(parent, namespace))
    : undefined;
  return gateway !== undefined && isOurGateway(objects, fetch, gateway);
}

/** Whether a parent of a route of `namespace` is a Gateway whose class is another controller's. */
export function isForeignParent(
  objects: MeshObjects,
  fetch: Fetch,
  parent: ParentReference,
  namespace: string,
): boolean {
  if (!isGatewayParent(parent)) return false;
  const gateway = fetch.get(objects.gateways, parentKey(parent, namespace));
  const found =
    gateway === undefined ? undefined : fetch.get(objects.gatewayClasses, gateway.spec.gatewayClassName);
  return found !== undefined && found.spec.controllerName !== gatewayController;
}
