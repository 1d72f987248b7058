// What a backend of a route means, or why its share of the traffic is answered with an error.
import type { Fetch } from "#collections/graph.ts";
import { type BackendReference, gatewayApiGroup } from "#model/gateway-api/references.ts";
import type { ServicePortReference } from "#model/service.ts";
import { listed } from "./listed.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

export type Backend =
  | { readonly kind: "service"; readonly service: ServicePortReference }
  | {
      readonly kind: "unresolved";
      readonly reason: "InvalidKind" | "BackendNotFound" | "RefNotPermitted";
      /** The part of the reference that is wrong. */
      readonly field: "kind" | "namespace" | "name" | "port";
      /** What is wrong and what to do about it. */
      readonly message: string;
    };

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
  const unresolved = (
    reason: Extract<Backend, { kind: "unresolved" }>["reason"],
    field: Extract<Backend, { kind: "unresolved" }>["field"],
    message: string,
  ): Backend => ({ kind: "unresolved", reason, field, message });
  if ((backend.kind ?? "Service") !== "Service" || (backend.group ?? "") !== "") {
    return unresolved("InvalidKind", "kind", `${backend.kind ?? "Service"} is no backend; name a Service`);
  }
  const namespace = backend.namespace ?? referrer.namespace;
  const key = `${namespace}/${backend.name}`;
  if (referrer.needsGrant && !isGranted(inputs, fetch, referrer, namespace, backend.name)) {
    const message = `no ReferenceGrant in namespace ${namespace} lets ${referrer.kind}s of namespace ${referrer.namespace} refer to Service ${backend.name}; add one`;
    return unresolved("RefNotPermitted", "namespace", message);
  }
  const service = fetch.get(inputs.services, key);
  if (service === undefined) {
    const message = `there is no Service ${key}; define it or correct the name`;
    return unresolved("BackendNotFound", "name", message);
  }
  const { port } = backend;
  const ports = service.ports.map((candidate) => candidate.port);
  if (port === undefined) {
    const message = `port is missing; the ports of Service ${key} are ${listed(ports)}`;
    return unresolved("BackendNotFound", "port", message);
  }
  if (!ports.includes(port)) {
    const message = `Service ${key} has no port ${port}; its ports are ${listed(ports)}`;
    return unresolved("BackendNotFound", "port", message);
  }
  return { kind: "service", service: { hostname: service.hostname, port } };
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant */
function isGranted(
  inputs: RoutingInputs,
  fetch: Fetch,
  referrer: Referrer,
  namespace: string,
  name: string,
): boolean {
  if (namespace === referrer.namespace) return true;
  return fetch
    .by(inputs.referenceGrants, namespace)
    .some(
      ({ spec }) =>
        spec.from.some(
          (from) =>
            from.group === gatewayApiGroup &&
            from.kind === referrer.kind &&
            from.namespace === referrer.namespace,
        ) &&
        spec.to.some(
          (to) => to.group === "" && to.kind === "Service" && (to.name === undefined || to.name === name),
        ),
    );
}
