// What a backend of a route means, or why its share of the traffic is answered with an error.
import type { Fetch } from "#collections/graph.ts";
import {
  type BackendReference,
  gatewayApiGroup,
  isServiceParent,
  istioGroup,
} from "#model/gateway-api/references.ts";
import type { MeshService, ServicePortReference } from "#model/service.ts";
import { listed } from "../services/listed.ts";
import { objectOfService, serviceOfHost } from "../services/services.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

export type Backend = { readonly kind: "service"; readonly service: ServicePortReference } | Unresolved;

interface Unresolved {
  readonly kind: "unresolved";
  readonly reason: "InvalidKind" | "BackendNotFound" | "RefNotPermitted";
  /** The part of the reference that is wrong. */
  readonly field: "kind" | "namespace" | "name" | "port";
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** Whose backend it is. */
export interface Referrer {
  readonly kind: string;
  readonly namespace: string;
  /**
   * Whether a ReferenceGrant must allow backends of other namespaces. Routes of Gateways need it, as they open what
   * strangers could not reach; routes of Services give clients nothing that they could not call themselves.
   * https://gateway-api.sigs.k8s.io/geps/gep-1294/
   */
  readonly needsGrant: boolean;
}

/** The service port that a backend means. */
export function resolveBackend(
  inputs: RoutingInputs,
  fetch: Fetch,
  backend: BackendReference,
  referrer: Referrer,
): Backend {
  const service = serviceOfBackend(inputs, fetch, backend, referrer);
  if (service.kind === "unresolved") return service;
  const { port } = backend;
  const ports = service.ports.map((candidate) => candidate.port);
  const name = objectOfService(service);
  if (port === undefined) {
    const message = `port is missing; the ports of ${name} are ${listed(ports)}`;
    return unresolved("BackendNotFound", "port", message);
  }
  if (!ports.includes(port)) {
    const message = `${name} has no port ${port}; its ports are ${listed(ports)}`;
    return unresolved("BackendNotFound", "port", message);
  }
  return { kind: "service", service: { hostname: service.hostname, port } };
}

function unresolved(reason: Unresolved["reason"], field: Unresolved["field"], message: string): Unresolved {
  return { kind: "unresolved", reason, field, message };
}

function serviceOfBackend(
  inputs: RoutingInputs,
  fetch: Fetch,
  backend: BackendReference,
  referrer: Referrer,
): MeshService | Unresolved {
  const { kind = "Service", group = "" } = backend;
  if (kind === "Hostname" && group === istioGroup) return serviceByHostname(inputs, fetch, backend, referrer);
  if (!isServiceParent({ group, kind, name: backend.name })) {
    const message = `${kind}${group === "" ? "" : ` of ${group}`} is no backend; name a Service, or a ServiceEntry or Hostname of ${istioGroup}`;
    return unresolved("InvalidKind", "kind", message);
  }
  const target = { group, kind, namespace: backend.namespace ?? referrer.namespace, name: backend.name };
  const missing = missingGrant(inputs, fetch, referrer, target);
  if (missing !== undefined) return missing;
  const object = `${kind} ${target.namespace}/${target.name}`;
  const [service, ...others] = fetch.by(inputs.servicesByObject, object);
  if (service === undefined) {
    const message = `there is no ${object}; define it or correct the name`;
    return unresolved("BackendNotFound", "name", message);
  }
  if (others.length === 0) return service;
  const hosts = [service, ...others].map(({ hostname }) => hostname);
  const message = `${object} has the hosts ${listed(hosts)}; name one of them with kind Hostname`;
  return unresolved("BackendNotFound", "name", message);
}

/** A host by its full name, of whatever kind and namespace its service is. https://istio.io/latest/docs/ */
function serviceByHostname(
  inputs: RoutingInputs,
  fetch: Fetch,
  backend: BackendReference,
  referrer: Referrer,
): MeshService | Unresolved {
  if (backend.namespace !== undefined) {
    return unresolved("InvalidKind", "namespace", "a Hostname is in no namespace; remove it");
  }
  const service = serviceOfHost(inputs, fetch, backend.name, referrer.namespace);
  if (service === undefined) {
    const message = `no Service and no ServiceEntry has the host ${backend.name}; define it or correct the name`;
    return unresolved("BackendNotFound", "name", message);
  }
  const { kind, namespace, name } = service;
  const group = kind === "Service" ? "" : istioGroup;
  return missingGrant(inputs, fetch, referrer, { group, kind, namespace, name }) ?? service;
}

interface Target {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant */
function missingGrant(
  inputs: RoutingInputs,
  fetch: Fetch,
  referrer: Referrer,
  target: Target,
): Unresolved | undefined {
  if (!referrer.needsGrant || target.namespace === referrer.namespace) return undefined;
  const isGranted = fetch
    .by(inputs.referenceGrants, target.namespace)
    .some(
      ({ spec }) =>
        spec.from.some(
          (from) =>
            from.group === gatewayApiGroup &&
            from.kind === referrer.kind &&
            from.namespace === referrer.namespace,
        ) &&
        spec.to.some(
          (to) =>
            to.group === target.group &&
            to.kind === target.kind &&
            (to.name === undefined || to.name === target.name),
        ),
    );
  if (isGranted) return undefined;
  const message = `no ReferenceGrant in namespace ${target.namespace} lets ${referrer.kind}s of namespace ${referrer.namespace} refer to ${target.kind} ${target.name}; add one`;
  return unresolved("RefNotPermitted", "namespace", message);
}
