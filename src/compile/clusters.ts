// Views of clusters, by what a cluster refers to.
import type { Fetch } from "#collections/graph.ts";
import { defaultLoadBalancing, policyOf } from "#model/policy.ts";
import { present } from "#model/present.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService, ServicePortReference } from "#model/service.ts";
import { backendPolicyOrigins, retryBudgetOfService } from "./backend-policies.ts";
import type { Client } from "./clients.ts";
import {
  clusterEndpoints,
  lacksCertificates,
  meshTls,
  reachesUnmeshed,
  viewOfPolicy,
} from "./cluster-policies.ts";
import { endpointSelection, endpointsAt, selectedEndpoints } from "./endpoint-lists.ts";
import type { Mesh } from "./graph.ts";
import { destinationPolicyOf } from "./policies.ts";
import { serviceLabel, serviceOfHost, serviceOrigin } from "./services.ts";
import type { ClusterReference, ClusterView } from "./views.ts";

type ServiceCluster = Extract<ClusterReference, { kind: "service" }>;

/** The cluster of a service's port. */
export function serviceCluster({ hostname, port }: ServicePortReference, subset = ""): ServiceCluster {
  return { kind: "service", hostname, port, subset };
}

/** What a proxy gets for a cluster. There is always one: a request for a cluster that is not there would hang. */
export function clusterView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ClusterReference,
): ClusterView {
  switch (reference.kind) {
    case "service":
      return ofService(mesh, fetch, client, reference) ?? bare(reference, "http", "none");
    case "address":
      return ofAddress(mesh, fetch, client, reference) ?? bare(reference, "http", "none");
    case "tcp":
      return ofTcpDestination(mesh, fetch, client, reference);
  }
}

function ofService(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ServiceCluster,
): ClusterView | undefined {
  const selection = endpointSelection(mesh, fetch, client, reference);
  if (selection === undefined) return undefined;
  const service = serviceOfHost(mesh.routing, fetch, reference.hostname, client.namespace);
  if (service === undefined) return undefined;
  const endpoints = selectedEndpoints(mesh, fetch, selection);
  const destination = destinationPolicyOf(mesh.routing, fetch, client, service);
  const policy = policyOf(destination, reference.subset, reference.port);
  return {
    reference,
    protocol: "http",
    endpoints: clusterEndpoints(mesh, fetch, client, policy, reference),
    tls: meshTls(reference.port, reference.subset, service.hostname, endpoints, policy.tls),
    loadBalancing: policy.balancing?.method ?? defaultLoadBalancing,
    reachesUnmeshed: reachesUnmeshed(policy, endpoints),
    service: serviceLabel(service),
    ...viewOfPolicy(
      // What is said for a client goes before what is said for all.
      { ...present({ retryBudget: retryBudgetOfService(mesh.routing, fetch, service) }), ...policy },
      selection.spread,
    ),
    origins: [
      ...originOf(service),
      ...(destination?.origins ?? []),
      ...backendPolicyOrigins(mesh.routing, fetch, service),
    ],
  };
}

/** A pod. It is subject to the policies for a service where that has no address of its own. */
function ofAddress(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: Extract<ClusterReference, { kind: "address" }>,
): ClusterView | undefined {
  const endpoints = endpointsAt(mesh, fetch, reference.address, reference.port);
  if (endpoints === undefined) return undefined;
  const owner = fetch.by(mesh.endpointsByAddress, `${reference.address}:${reference.port}`)[0];
  const service = owner === undefined ? undefined : fetch.get(mesh.services, owner.service);
  const destination =
    service?.headless === true ? destinationPolicyOf(mesh.routing, fetch, client, service) : undefined;
  const policy = policyOf(destination, "", owner?.port ?? reference.port);
  const hostname = service?.hostname ?? reference.address;
  return {
    reference,
    protocol: "http",
    endpoints: lacksCertificates(mesh, fetch, client, policy)
      ? { kind: "none" }
      : { kind: "listed", list: reference },
    tls: meshTls(reference.port, "", hostname, endpoints, policy.tls),
    loadBalancing: defaultLoadBalancing,
    reachesUnmeshed: reachesUnmeshed(policy, endpoints),
    service: service === undefined ? undefined : serviceLabel(service),
    ...viewOfPolicy(policy, undefined),
    origins: [...originOf(service), ...(destination?.origins ?? [])],
  };
}

/** To a service's virtual IP: its endpoints; to a pod: that pod; to anything else: as dialled, without TLS. */
function ofTcpDestination(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: Extract<ClusterReference, { kind: "tcp" }>,
): ClusterView {
  const { address, port } = reference;
  const service = fetch.by(mesh.servicesByAddress, address)[0];
  const view =
    service === undefined
      ? (ofAddress(mesh, fetch, client, { kind: "address", address, port }) ??
        bare(reference, "tcp", "asDialled"))
      : clusterView(mesh, fetch, client, serviceCluster({ hostname: service.hostname, port }));
  return { ...view, reference, protocol: "tcp" };
}

function bare(
  reference: ClusterReference,
  protocol: ClusterView["protocol"],
  kind: "asDialled" | "none",
): ClusterView {
  return {
    reference,
    protocol,
    endpoints: { kind },
    tls: undefined,
    loadBalancing: defaultLoadBalancing,
    reachesUnmeshed: false,
    service: undefined,
    origins: [],
  };
}

function originOf(service: MeshService | undefined): readonly Origin[] {
  return service === undefined ? [] : [serviceOrigin(service)];
}
