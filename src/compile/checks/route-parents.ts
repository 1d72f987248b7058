import type { Fetch } from "#collections/graph.ts";
import {
  isGatewayParent,
  isServiceParent,
  istioGroup,
  type ParentReference,
  parentKey,
  parentObject,
} from "#model/gateway-api/references.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { isForeignParent } from "../clients/ownership.ts";
import { type CheckFinding, error, partOf, warning } from "../finding.ts";
import {
  type AnyRoute,
  attachedPorts,
  attachedRoutes,
  audienceOf,
  isAttachedTo,
  isForRequests,
  moreSpecificRoute,
} from "../routing/attachments.ts";
import { olderRival, servedConnectionRoutes } from "../routing/connection-routes.ts";
import { attachedListeners, rivalOnListener } from "../routing/listener-attachments.ts";
import type { CheckInputs } from "./inputs.ts";
import { withoutRequests } from "./served-requests.ts";

/** Whether the parents of a route are there and take it. */
export function checkParents(route: AnyRoute, inputs: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  const parents = route.spec.parentRefs ?? [];
  const { namespace = "default" } = route.metadata;
  if (parents.length === 0) {
    const message = "is attached to nothing and has no effect; name a Service or a Gateway";
    return [warning("spec.parentRefs", message)];
  }
  return parents.flatMap((parent, index) => {
    const field = `spec.parentRefs[${index}]`;
    if (isForeignParent(inputs.objects, fetch, parent, namespace)) return [];
    if (isServiceParent(parent)) return checkServiceParent(parent, route, field, inputs, fetch);
    if (isGatewayParent(parent)) return checkGatewayParent(parent, route, field, inputs, fetch);
    return checkOtherParent(parent, route, field, inputs, fetch);
  });
}

/** Whether a route is other controllers' alone: what is in it is not for us to judge. */
export function isForeignRoute(route: AnyRoute, inputs: CheckInputs, fetch: Fetch): boolean {
  const { namespace = "default" } = route.metadata;
  const parents = route.spec.parentRefs ?? [];
  return (
    parents.length > 0 && parents.every((parent) => isForeignParent(inputs.objects, fetch, parent, namespace))
  );
}

function checkServiceParent(
  parent: ParentReference,
  route: AnyRoute,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const object = parentObject(parent, route.metadata.namespace ?? "default");
  const [service] = fetch.by(inputs.routing.servicesByObject, object);
  if (service === undefined) {
    const message = `there is no ${object}; define it or correct the name`;
    return [error(`${field}.name`, message, "NoMatchingParent")];
  }
  if (service.headless) {
    const message = `has no effect on ${object}: it is headless, so clients dial its pods and not the Service`;
    return [warning(field, message, "UnsupportedValue")];
  }
  const attached = attachedPorts(parent, service);
  if (attached.kind === "refused") {
    return [error(partOf(field, attached.field), attached.message, attached.reason)];
  }
  const unseen = isForRequests(route) ? withoutRequests(service, attached.ports) : undefined;
  if (unseen !== undefined) return [warning(field, `has no effect on ${object}: ${unseen}`)];
  const rivals = attached.ports.map((port) => rivalOnPort(inputs, fetch, service, port, route));
  const rival = rivals[0];
  if (rival === undefined || rivals.includes(undefined)) return [];
  const message = `has no effect on ${object}: ${rival.kind} ${objectKey(rival.metadata)} is attached to it and goes first`;
  return [warning(field, message, "Conflicted")];
}

/** The route that has the connections or requests to a port in the place of this one. */
function rivalOnPort(
  inputs: CheckInputs,
  fetch: Fetch,
  service: MeshService,
  port: number,
  route: AnyRoute,
): AnyRoute | undefined {
  const specific = moreSpecificRoute(inputs.routing, fetch, service, port, route);
  if (specific !== undefined || isForRequests(route)) return specific;
  const alike = attachedRoutes(inputs.routing, fetch, service).filter(
    (other) =>
      audienceOf(other, service) === audienceOf(route, service) && isAttachedTo(other, service, port),
  );
  return olderRival(route, servedConnectionRoutes(alike));
}

function checkGatewayParent(
  parent: ParentReference,
  route: AnyRoute,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const key = parentKey(parent, route.metadata.namespace ?? "default");
  const gateway = fetch.get(inputs.routing.gateways, key);
  if (gateway === undefined) {
    const service = fetch.get(inputs.routing.services, key);
    const hint =
      service === undefined
        ? "define it or correct the name"
        : 'for the Service, add kind: Service and group: ""';
    return [error(`${field}.name`, `there is no Gateway ${key}; ${hint}`, "NoMatchingParent")];
  }
  if (route.kind === "TLSRoute") {
    const message = `${route.kind}s are not supported for Gateways yet; attach it to a Service, for clients in the mesh`;
    return [error(field, message, "NotAllowedByListeners")];
  }
  const attached = attachedListeners(inputs.routing, fetch, parent, gateway, route);
  if (attached.kind === "refused") {
    return [error(partOf(field, attached.field), attached.message, attached.reason)];
  }
  const rivals = attached.listeners.map((listener) =>
    rivalOnListener(inputs.routing, fetch, gateway, listener, route),
  );
  const rival = rivals[0];
  if (rival === undefined || rivals.includes(undefined)) return [];
  const message = `has no effect on Gateway ${key}: ${rival.kind} ${objectKey(rival.metadata)} is older and has ${isForRequests(route) ? "the hostname" : "the connections"}; change one of them`;
  return [warning(field, message, "Conflicted")];
}

/** As users write them. */
const groupOfServices: Readonly<Record<string, string>> = { Service: '""', ServiceEntry: istioGroup };

function checkOtherParent(
  parent: ParentReference,
  route: AnyRoute,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const key = parentKey(parent, route.metadata.namespace ?? "default");
  const { kind = "" } = parent;
  const group = groupOfServices[kind];
  if (group === undefined || fetch.by(inputs.routing.servicesByObject, `${kind} ${key}`).length === 0)
    return [];
  const message = `the group of a ${kind} is ${group}; without it this names another API and has no effect`;
  return [error(`${field}.group`, message, "NoMatchingParent")];
}
