// Views of endpoints, by what a cluster refers to.
import type { Fetch } from "#collections/graph.ts";
import { hasLabels } from "#model/object.ts";
import { type DestinationPolicy, policyOf } from "#model/policy.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import type { Client } from "../clients/clients.ts";
import { type Spread, spreadFor } from "../endpoints/localities.ts";
import { spreadEndpoints } from "../endpoints/spread-endpoints.ts";
import type { Mesh } from "../mesh.ts";
import { serviceKey, serviceOfHost, serviceOrigin, servicePortKey } from "../services/services.ts";
import type { ClusterReference, EndpointsView, EndpointView } from "../views.ts";
import { destinationPolicyOf } from "./policies.ts";

/** Which endpoints a cluster has for some client: all that the list depends on, so that clients share it. */
export interface EndpointSelection {
  /** The list's name. */
  readonly reference: ClusterReference;
  /** By `serviceKey`; undefined for the pod at an address. */
  readonly service: string | undefined;
  /** Those that the endpoints must have. */
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined: all are the same to the client. */
  readonly spread?: Spread;
}

/** Undefined where there is no such service, port, subset or pod. */
export function endpointSelection(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ClusterReference,
): EndpointSelection | undefined {
  if (!isOfEndpoints(reference)) return undefined;
  if (reference.kind !== "service") {
    const isPod = fetch.by(mesh.workloadsByAddress, reference.address).length > 0;
    return isPod ? { reference, service: undefined, labels: {} } : undefined;
  }
  const service = serviceOfHost(mesh.routing, fetch, reference.hostname, client.namespace);
  if (service === undefined) return undefined;
  return serviceSelection(
    client,
    reference,
    service,
    destinationPolicyOf(mesh.routing, fetch, client, service),
  );
}

/** Others share the lists of services, or have several together. */
function isOfEndpoints(
  reference: ClusterReference,
): reference is Extract<ClusterReference, { kind: "service" | "address" | "tcp" }> {
  return ["service", "address", "tcp"].includes(reference.kind);
}

/** The same for a service that is known, with what is said of it; undefined where it has no such port or subset. */
export function serviceSelection(
  client: Client,
  reference: Extract<ClusterReference, { kind: "service" }>,
  service: MeshService,
  destination: DestinationPolicy | undefined,
): EndpointSelection | undefined {
  if (!service.ports.some(({ port }) => port === reference.port)) return undefined;
  const subset = destination?.subsets.find(({ name }) => name === reference.subset);
  if (reference.subset !== "" && subset === undefined) return undefined;
  const spread = spreadFor(client, policyOf(destination, reference.subset, reference.port), service);
  return {
    reference,
    service: serviceKey(service),
    labels: subset?.labels ?? {},
    ...(spread === undefined ? {} : { spread }),
  };
}

/** The endpoints of a selection. */
export function selectedEndpoints(
  mesh: Mesh,
  fetch: Fetch,
  { reference, service: key, labels }: EndpointSelection,
): readonly MeshEndpoint[] {
  const { port } = reference;
  if (!isOfEndpoints(reference)) return [];
  if (reference.kind !== "service") return endpointsAt(mesh, fetch, reference.address, port) ?? [];
  const service = key === undefined ? undefined : fetch.get(mesh.services, key);
  if (service === undefined) return [];
  const all = fetch.get(mesh.endpoints, servicePortKey(service, port))?.endpoints ?? [];
  return Object.keys(labels).length === 0
    ? all
    : all.filter((endpoint) => hasLabels(endpoint.labels, labels));
}

/** What a proxy gets for a selection. */
export function endpointsView(mesh: Mesh, fetch: Fetch, selection: EndpointSelection): EndpointsView {
  const service = selection.service === undefined ? undefined : fetch.get(mesh.services, selection.service);
  const origins: readonly Origin[] = service === undefined ? [] : [serviceOrigin(service)];
  const { endpoints, weights } = spreadEndpoints(selectedEndpoints(mesh, fetch, selection), selection.spread);
  return {
    reference: selection.reference,
    endpoints: endpoints.map(({ endpoint, priority, locality }) => ({
      ...endpointView(endpoint),
      ...(priority === 0 ? {} : { priority }),
      ...(locality === undefined ? {} : { locality }),
    })),
    ...(weights === undefined ? {} : { weights }),
    origins,
  };
}

/** An endpoint as a proxy gets it. */
export function endpointView(endpoint: MeshEndpoint): EndpointView {
  const { address, port, meshed, namespace, workload, labels, weight } = endpoint;
  return {
    address,
    port,
    meshed,
    namespace,
    workload,
    app: labels.app ?? "",
    version: labels.version ?? "",
    ...(weight === undefined ? {} : { weight }),
  };
}

/** The pod at an address, also on ports that no service names; of two the one that stays. */
export function endpointsAt(
  mesh: Mesh,
  fetch: Fetch,
  address: string,
  port: number,
): readonly MeshEndpoint[] | undefined {
  const workloads = fetch.by(mesh.workloadsByAddress, address);
  const workload = workloads.find(({ terminating }) => !terminating) ?? workloads[0];
  if (workload === undefined) return undefined;
  return [
    {
      address,
      port,
      meshed: workload.proxy === "sidecar",
      namespace: workload.namespace,
      workload: workload.name,
      serviceAccount: workload.serviceAccount,
      labels: workload.labels,
    },
  ];
}
