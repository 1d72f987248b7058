// Views of clusters, by what a cluster refers to.
import type { Fetch } from "#collections/graph.ts";
import { defaultLoadBalancing, policyOf } from "#model/policy.ts";
import { present } from "#model/present.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService, ServicePortReference } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import type { Client } from "../clients/clients.ts";
import type { Mesh } from "../mesh.ts";
import { backendPolicyOf } from "../routing/backend-policies.ts";
import { serviceLabel, serviceOfHost, serviceOrigin } from "../services/services.ts";
import type {
  ClusterEndpoints,
  ClusterReference,
  ClusterView,
  EndpointView,
  ServiceCluster,
} from "../views.ts";
import {
  lacksCertificates,
  meshTls,
  reachedBy,
  reachesUnmeshed,
  tunnelView,
  viewOfPolicy,
} from "./cluster-policies.ts";
import { endpointsAt, endpointView, selectedEndpoints, serviceSelection } from "./endpoint-lists.ts";
import { destinationPolicyOf } from "./policies.ts";

/** The cluster of a service's port. */
export function serviceCluster({ hostname, port }: ServicePortReference, subset = ""): ServiceCluster {
  return { kind: "service", hostname, port, subset };
}

/** To the endpoints of a service's port, or of a subset; to nothing where there is no such. */
export function serviceClusterView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ServiceCluster,
): ClusterView {
  const service = serviceOfHost(mesh.routing, fetch, reference.hostname, client.namespace);
  if (service === undefined) return bareClusterView(reference, "http", "none");
  const destination = destinationPolicyOf(mesh.routing, fetch, client, service);
  const selection = serviceSelection(client, reference, service, destination);
  if (selection === undefined) return bareClusterView(reference, "http", "none");
  const endpoints = selectedEndpoints(mesh, fetch, selection);
  const policy = policyOf(destination, reference.subset, reference.port);
  const ofBackend = backendPolicyOf(mesh.routing, fetch, service);
  return {
    reference,
    protocol: "http",
    endpoints: reachedBy(mesh, fetch, client, policy, clusterEndpoints(service, reference, endpoints)),
    tls: meshTls(reference.port, reference.subset, service.hostname, endpoints, policy.tls),
    loadBalancing: policy.balancing?.method ?? defaultLoadBalancing,
    reachesUnmeshed: service.resolution.kind !== "listed" || reachesUnmeshed(policy, endpoints),
    service: serviceLabel(service),
    ...viewOfPolicy(
      // What is said for a client goes before what is said for all.
      { ...present({ retryBudget: ofBackend?.retryBudget }), ...policy },
      service.resolution.kind === "listed" ? selection.spread : undefined,
      service.subjectAltNames,
    ),
    ...present({ tunnel: tunnelView(policy, service, reference.port) }),
    origins: [
      ...originOf(service),
      ...(destination?.origins ?? []),
      ...(ofBackend === undefined ? [] : [ofBackend.origin]),
    ],
  };
}

/** A pod; undefined where there is none. It is subject to the policies for a service that has no address of its own. */
export function addressClusterView(
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
    ...viewOfPolicy(policy, undefined, []),
    ...present({ tunnel: tunnelView(policy, service, owner?.port ?? reference.port) }),
    origins: [...originOf(service), ...(destination?.origins ?? [])],
  };
}

/** How a service's resolution finds the endpoints of a cluster. Of what is dialled nothing more is known. */
function clusterEndpoints(
  { hostname, ports, resolution, selector, workloads }: MeshService,
  reference: ServiceCluster,
  endpoints: readonly MeshEndpoint[],
): ClusterEndpoints {
  const { targetPort = reference.port } = ports.find(({ port }) => port === reference.port) ?? {};
  const port = typeof targetPort === "number" ? targetPort : reference.port;
  switch (resolution.kind) {
    case "listed":
      return { kind: "listed", list: reference };
    case "asDialled":
      return { kind: "asDialled", ...(port === reference.port ? {} : { port }) };
    case "dnsOfRequest":
      return { kind: "dnsOfRequest", port };
    case "dns": {
      const known = endpoints.map(endpointView);
      if (known.length > 0) return { ...resolution, endpoints: known };
      const isItself =
        workloads.length === 0 && Object.keys(selector).length === 0 && !hostname.includes("*");
      return isItself ? { ...resolution, endpoints: [hostEndpoint(hostname, port)] } : { kind: "none" };
    }
  }
}

/** A host that DNS finds. */
export function hostEndpoint(address: string, port: number): EndpointView {
  return { address, port, meshed: false, namespace: "", workload: "", app: "", version: "" };
}

/** A cluster of which nothing is known but where its connections go. */
export function bareClusterView(
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
