// Views of clusters, by what a cluster refers to.
import type { Fetch } from "#collections/graph.ts";
import type { ClientTls } from "#model/client-tls.ts";
import { defaultLoadBalancing, policyOf, type RetryBudget, type TrafficPolicy } from "#model/policy.ts";
import { present } from "#model/present.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService, ServicePortReference } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import { backendPolicyOrigins, retryBudgetOfService } from "./backend-policies.ts";
import type { Client } from "./clients.ts";
import { missingCredential } from "./credentials.ts";
import {
  type EndpointSelection,
  endpointSelection,
  endpointsAt,
  selectedEndpoints,
} from "./endpoint-lists.ts";
import type { Mesh } from "./graph.ts";
import { destinationPolicyOf } from "./policies.ts";
import { serviceLabel, serviceOfHost, serviceOrigin } from "./services.ts";
import type { ClusterEndpoints, ClusterReference, ClusterView, ServiceAccountLabel } from "./views.ts";

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
  const view = viewOf(mesh, fetch, client, reference);
  return view.loadBalancing.kind === "latencyAware" && !canBeLatencyAware(view, client)
    ? { ...view, loadBalancing: { kind: "leastRequest" } }
    : view;
}

/** Latency is that of HTTP requests to endpoints that are known, and the module cannot choose sick ones in a panic. */
function canBeLatencyAware(view: ClusterView, client: Client): boolean {
  const { protocol, endpoints, outlierDetection } = view;
  const mayPanic = (outlierDetection?.minHealthPercent ?? 0) > 0;
  return client.balancesByLatency && protocol === "http" && endpoints.kind === "listed" && !mayPanic;
}

function viewOf(mesh: Mesh, fetch: Fetch, client: Client, reference: ClusterReference): ClusterView {
  switch (reference.kind) {
    case "service":
      return ofService(mesh, fetch, client, reference) ?? bare(reference, "http", "none");
    case "address":
      return ofAddress(mesh, fetch, reference) ?? bare(reference, "http", "none");
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
    tls: tlsOf(reference.port, reference.subset, service.hostname, endpoints, policy.tls),
    loadBalancing: policy.balancing?.method ?? defaultLoadBalancing,
    reachesUnmeshed: policy.tls?.kind === "origination" || endpoints.some((endpoint) => !endpoint.meshed),
    service: serviceLabel(service),
    ...ofPolicy(policy, selection, retryBudgetOfService(mesh.routing, fetch, service)),
    origins: [
      ...originOf(service),
      ...(destination?.origins ?? []),
      ...backendPolicyOrigins(mesh.routing, fetch, service),
    ],
  };
}

/** A cluster whose certificates are not there has no endpoints: without them Envoy would let requests wait. */
function clusterEndpoints(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { balancing, tls }: TrafficPolicy,
  list: ServiceCluster,
): ClusterEndpoints {
  if (tls?.kind === "origination" && missingCredential(mesh.routing, fetch, client.namespace, tls.to)) {
    return { kind: "none" };
  }
  return balancing?.method?.kind === "passthrough" ? { kind: "asDialled" } : { kind: "listed", list };
}

/** What few clusters have. */
function ofPolicy(
  policy: TrafficPolicy,
  { spread }: EndpointSelection,
  budgetOfService: RetryBudget | undefined,
): Partial<ClusterView> {
  const { balancing, connectionPool, outlierDetection, tls, tunnel, proxyProtocol } = policy;
  return present({
    origination: tls?.kind === "origination" ? tls.to : undefined,
    slowStart: balancing?.slowStart,
    weighsLocalities: spread?.kind === "shares" || spread?.kind === "ownZone" ? (true as const) : undefined,
    connectionPool,
    outlierDetection,
    // What is said for a client goes before what is said for all.
    retryBudget: policy.retryBudget ?? budgetOfService,
    tunnel,
    proxyProtocol,
  });
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
  client: Client,
  reference: Extract<ClusterReference, { kind: "tcp" }>,
): ClusterView {
  const { address, port } = reference;
  const service = fetch.by(mesh.servicesByAddress, address)[0];
  const view =
    service === undefined
      ? (ofAddress(mesh, fetch, { kind: "address", address, port }) ?? bare(reference, "tcp", "asDialled"))
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

function tlsOf(
  port: number,
  subset: string,
  hostname: string,
  endpoints: readonly MeshEndpoint[],
  asked?: ClientTls,
): ClusterView["tls"] {
  if (asked?.kind === "none" || asked?.kind === "origination") return undefined;
  const accounts = new Map<string, ServiceAccountLabel>();
  for (const { meshed, namespace, serviceAccount } of endpoints) {
    if (meshed) accounts.set(`${namespace}/${serviceAccount}`, { namespace, serviceAccount });
  }
  if (accounts.size === 0 && asked === undefined) return undefined;
  return {
    sni: asked?.sni ?? `outbound_.${port}_.${subset}_.${hostname}`,
    serviceAccounts: [...accounts.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, label]) => label),
    ...(asked === undefined ? {} : { always: true, ...present({ subjectAltNames: asked.subjectAltNames }) }),
  };
}

function serviceAt(mesh: Mesh, fetch: Fetch, address: string, port: number): MeshService | undefined {
  const owner = fetch.by(mesh.endpointsByAddress, `${address}:${port}`)[0];
  return owner === undefined ? undefined : fetch.get(mesh.services, owner.service);
}

function originOf(service: MeshService | undefined): readonly Origin[] {
  return service === undefined ? [] : [serviceOrigin(service)];
}
