// Views of clusters and their endpoints, by what a cluster refers to.
import type { Fetch } from "#collections/graph.ts";
import { serviceHostname } from "#model/kubernetes/mesh-service.ts";
import { hasLabels } from "#model/kubernetes/object.ts";
import { defaultLoadBalancing, type LoadBalancing } from "#model/policy.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService, ServicePortReference } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import type { Mesh } from "./graph.ts";
import { serviceKeyOfHost, serviceLabel, servicePortKey } from "./services.ts";
import type { ClusterReference, ClusterView, EndpointsView, ServiceAccountLabel } from "./views.ts";

type ServiceCluster = Extract<ClusterReference, { kind: "service" }>;

/** The cluster of a service's port. */
export function serviceCluster(
  service: MeshService | ServicePortReference,
  port: number,
  subset = "",
): ServiceCluster {
  return {
    kind: "service",
    hostname: serviceHostname(service.namespace, service.name),
    port,
    subset,
  };
}

/** What a proxy gets for a cluster. There is always one: a request for a cluster that is not there would hang. */
export function clusterView(mesh: Mesh, fetch: Fetch, reference: ClusterReference): ClusterView {
  switch (reference.kind) {
    case "service":
      return ofService(mesh, fetch, reference) ?? bare(reference, "http", "none");
    case "address":
      return ofAddress(mesh, fetch, reference) ?? bare(reference, "http", "none");
    case "tcp":
      return ofTcpDestination(mesh, fetch, reference);
  }
}

/** The endpoints of a cluster; undefined where there is no such service. */
export function endpointsView(
  mesh: Mesh,
  fetch: Fetch,
  reference: ClusterReference,
): EndpointsView | undefined {
  const found =
    reference.kind === "service"
      ? endpointsOfService(mesh, fetch, reference)
      : endpointsAt(mesh, fetch, reference.address, reference.port);
  if (found === undefined) return undefined;
  return {
    reference,
    endpoints: found.map(({ address, port, meshed, namespace, workload, labels }) => ({
      address,
      port,
      meshed,
      namespace,
      workload,
      app: labels.app ?? "",
      version: labels.version ?? "",
    })),
    origins: reference.kind === "service" ? originOf(fetchService(mesh, fetch, reference.hostname)) : [],
  };
}

function ofService(mesh: Mesh, fetch: Fetch, reference: ServiceCluster): ClusterView | undefined {
  const service = fetchService(mesh, fetch, reference.hostname);
  const endpoints = endpointsOfService(mesh, fetch, reference);
  if (service === undefined || endpoints === undefined) return undefined;
  const policy = fetch.get(mesh.policies, `${service.namespace}/${service.name}`);
  return {
    reference,
    protocol: "http",
    endpoints: { kind: "listed", list: reference },
    tls: tlsOf(reference.port, reference.subset, service.hostname, endpoints),
    loadBalancing: loadBalancing(mesh, fetch, service, reference.subset),
    reachesUnmeshed: endpoints.some((endpoint) => !endpoint.meshed),
    service: serviceLabel(service),
    origins: [...originOf(service), ...(policy === undefined ? [] : [policy.origin])],
  };
}

function ofAddress(
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

/** To a service's virtual IP: its endpoints; to a pod: that pod; to anything else: as dialled, without TLS. */
function ofTcpDestination(
  mesh: Mesh,
  fetch: Fetch,
  reference: Extract<ClusterReference, { kind: "tcp" }>,
): ClusterView {
  const { address, port } = reference;
  const service = fetch.by(mesh.servicesByAddress, address)[0];
  const view =
    service === undefined
      ? (ofAddress(mesh, fetch, { kind: "address", address, port }) ?? bare(reference, "tcp", "asDialled"))
      : clusterView(mesh, fetch, serviceCluster(service, port));
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

function loadBalancing(mesh: Mesh, fetch: Fetch, service: MeshService, subset: string): LoadBalancing {
  const policy = fetch.get(mesh.policies, `${service.namespace}/${service.name}`);
  return (
    policy?.subsets.find((candidate) => candidate.name === subset)?.loadBalancing ??
    policy?.loadBalancing ??
    defaultLoadBalancing
  );
}

function endpointsOfService(
  mesh: Mesh,
  fetch: Fetch,
  reference: ServiceCluster,
): readonly MeshEndpoint[] | undefined {
  const key = serviceKeyOfHost(reference.hostname, "");
  const service = key === undefined ? undefined : fetch.get(mesh.services, key);
  if (service === undefined) return undefined;
  const all = fetch.get(mesh.endpoints, servicePortKey({ ...service, port: reference.port }))?.endpoints;
  if (all === undefined || reference.subset === "") return all;
  const subset = fetch
    .get(mesh.policies, `${service.namespace}/${service.name}`)
    ?.subsets.find((candidate) => candidate.name === reference.subset);
  return subset === undefined
    ? undefined
    : all.filter((endpoint) => hasLabels(endpoint.labels, subset.labels));
}

/** The pod at an address, also on ports that no service names; of two the one that stays. */
function endpointsAt(
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
      ready: true,
      meshed: workload.proxy === "sidecar",
      namespace: workload.namespace,
      workload: workload.name,
      serviceAccount: workload.serviceAccount,
      labels: workload.labels,
    },
  ];
}

function serviceAt(mesh: Mesh, fetch: Fetch, address: string, port: number): MeshService | undefined {
  const owner = fetch.by(mesh.endpointsByAddress, `${address}:${port}`)[0];
  return owner === undefined ? undefined : fetch.get(mesh.services, `${owner.namespace}/${owner.name}`);
}

function fetchService(mesh: Mesh, fetch: Fetch, hostname: string): MeshService | undefined {
  const key = serviceKeyOfHost(hostname, "");
  return key === undefined ? undefined : fetch.get(mesh.services, key);
}

function originOf(service: MeshService | undefined): readonly Origin[] {
  return service === undefined ? [] : [{ kind: "Service", namespace: service.namespace, name: service.name }];
}
