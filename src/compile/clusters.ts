// Views of clusters, by what a cluster refers to.
import type { Fetch } from "#collections/graph.ts";
import { type DestinationPolicy, defaultLoadBalancing, type LoadBalancing } from "#model/policy.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService, ServicePortReference } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import { backendPolicyOrigins, retryBudgetOfService } from "./backend-policies.ts";
import type { Client } from "./clients.ts";
import { endpointSelection, endpointsAt, endpointView, selectedEndpoints } from "./endpoint-lists.ts";
import type { Mesh } from "./graph.ts";
import { destinationPolicyOf } from "./policies.ts";
import { serviceLabel, serviceOfHost, serviceOrigin } from "./services.ts";
import type { ClusterReference, ClusterView, EndpointView, ServiceAccountLabel } from "./views.ts";

type ServiceCluster = Extract<ClusterReference, { kind: "service" }>;

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
  const selection = endpointSelection(mesh, fetch, client, reference);
  const service = serviceOfHost(mesh.routing, fetch, reference.hostname, client.namespace);
  if (selection === undefined || service === undefined) return bareClusterView(reference, "http", "none");
  const endpoints = selectedEndpoints(mesh, fetch, selection);
  const policy = destinationPolicyOf(mesh, fetch, service.hostname);
  const retryBudget = retryBudgetOfService(mesh.routing, fetch, service);
  return {
    reference,
    protocol: "http",
    endpoints: clusterEndpoints(service, reference, endpoints),
    tls: tlsOf(reference.port, reference.subset, service.hostname, endpoints),
    loadBalancing: loadBalancing(policy, reference.subset),
    ...(retryBudget === undefined ? {} : { retryBudget }),
    reachesUnmeshed: service.resolution.kind !== "listed" || endpoints.some((endpoint) => !endpoint.meshed),
    service: serviceLabel(service),
    origins: [
      ...originOf(service),
      ...(policy === undefined ? [] : [policy.origin]),
      ...backendPolicyOrigins(mesh.routing, fetch, service),
    ],
  };
}

/** To the pod at an address; undefined where there is none. */
export function addressClusterView(
  mesh: Mesh,
  fetch: Fetch,
  reference: Extract<ClusterReference, { kind: "address" }>,
): ClusterView | undefined {
  const endpoints = endpointsAt(mesh, fetch, reference.address, reference.port);
  if (endpoints === undefined) return undefined;
  const service = serviceAt(mesh, fetch, reference.address, reference.port);
  return {
    reference,
    protocol: "http",
    endpoints: { kind: "listed", list: reference },
    tls: tlsOf(reference.port, "", service?.hostname ?? reference.address, endpoints),
    loadBalancing: defaultLoadBalancing,
    reachesUnmeshed: endpoints.some((endpoint) => !endpoint.meshed),
    service: service === undefined ? undefined : serviceLabel(service),
    origins: originOf(service),
  };
}

/** How a service's resolution finds the endpoints of a cluster. Of what is dialled nothing more is known. */
function clusterEndpoints(
  { hostname, ports, resolution, selector, workloads }: MeshService,
  reference: ServiceCluster,
  endpoints: readonly MeshEndpoint[],
): ClusterView["endpoints"] {
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

function tlsOf(
  port: number,
  subset: string,
  hostname: string,
  endpoints: readonly MeshEndpoint[],
): ClusterView["tls"] {
  const accounts = new Map<string, ServiceAccountLabel>();
  for (const { meshed, namespace, serviceAccount } of endpoints) {
    if (meshed) accounts.set(`${namespace}/${serviceAccount}`, { namespace, serviceAccount });
  }
  if (accounts.size === 0) return undefined;
  return {
    sni: `outbound_.${port}_.${subset}_.${hostname}`,
    serviceAccounts: [...accounts.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, label]) => label),
  };
}

function loadBalancing(policy: DestinationPolicy | undefined, subset: string): LoadBalancing {
  return (
    policy?.subsets.find((candidate) => candidate.name === subset)?.loadBalancing ??
    policy?.loadBalancing ??
    defaultLoadBalancing
  );
}

function serviceAt(mesh: Mesh, fetch: Fetch, address: string, port: number): MeshService | undefined {
  const owner = fetch.by(mesh.endpointsByAddress, `${address}:${port}`)[0];
  return owner === undefined ? undefined : fetch.get(mesh.services, owner.service);
}

function originOf(service: MeshService | undefined): readonly Origin[] {
  return service === undefined ? [] : [serviceOrigin(service)];
}
