// Views of clusters, by what a cluster refers to.
import type { Fetch } from "#collections/graph.ts";
import { othersLabels } from "#model/others.ts";
import { defaultLoadBalancing, policyOf } from "#model/policy.ts";
import { present } from "#model/present.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService, ServicePortReference } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import { backendPolicyOrigins, retryBudgetOfService } from "./backend-policies.ts";
import type { Client } from "./clients.ts";
import { lacksCertificates, meshTls, reachedBy, reachesUnmeshed, viewOfPolicy } from "./cluster-policies.ts";
import { endpointSelection, endpointsAt, endpointView, selectedEndpoints } from "./endpoint-lists.ts";
import type { Mesh } from "./graph.ts";
import { destinationPolicyOf } from "./policies.ts";
import { entryOfTcpPort, isReachable, isReachablePod, othersPolicy, servicesAt } from "./reach.ts";
import { serviceLabel, serviceOfHost, serviceOrigin } from "./services.ts";
import type { ClusterEndpoints, ClusterReference, ClusterView, EndpointView } from "./views.ts";

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
      return ofAddress(mesh, fetch, client, reference) ?? bare(reference, "http", "none");
    case "tcp":
      return ofTcpDestination(mesh, fetch, client, reference);
    case "tls":
      return ofServerName(mesh, fetch, client, reference);
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
    endpoints: reachedBy(mesh, fetch, client, policy, clusterEndpoints(service, reference, endpoints)),
    tls: meshTls(reference.port, reference.subset, service.hostname, endpoints, policy.tls),
    loadBalancing: policy.balancing?.method ?? defaultLoadBalancing,
    reachesUnmeshed: service.resolution.kind !== "listed" || reachesUnmeshed(policy, endpoints),
    service: serviceLabel(service),
    ...viewOfPolicy(
      // What is said for a client goes before what is said for all.
      { ...present({ retryBudget: retryBudgetOfService(mesh.routing, fetch, service) }), ...policy },
      service.resolution.kind === "listed" ? selection.spread : undefined,
      service.subjectAltNames,
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
    ...viewOfPolicy(policy, undefined, []),
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

function hostEndpoint(address: string, port: number): EndpointView {
  return { address, port, meshed: false, namespace: "", workload: "", app: "", version: "" };
}

/**
 * To a service's virtual IP: its endpoints; to a pod: that pod; to a port that a host outside takes: that host; to
 * anything else: as dialled, without TLS, or nowhere.
 */
function ofTcpDestination(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: Extract<ClusterReference, { kind: "tcp" }>,
): ClusterView {
  const { address, port } = reference;
  const services = servicesAt(mesh, fetch, client, address, port);
  const service = services.find(({ ports }) => ports.some((each) => each.port === port)) ?? services[0];
  if (service !== undefined) return tcpTo(mesh, fetch, client, service, reference);
  const pod = isReachablePod(mesh, fetch, client, address, port)
    ? ofAddress(mesh, fetch, client, { kind: "address", address, port })
    : undefined;
  if (pod !== undefined) return { ...pod, reference, protocol: "tcp" };
  const open = entryOfTcpPort(mesh, fetch, client, port);
  return open === undefined
    ? ofOthers(mesh, fetch, client, reference)
    : tcpTo(mesh, fetch, client, open, reference);
}

/** To the host with that name, which the listener knows; on a port that it does not have: to nobody that is known. */
function ofServerName(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: Extract<ClusterReference, { kind: "tls" }>,
): ClusterView {
  const { hostname, port } = reference;
  const service = serviceOfHost(mesh.routing, fetch, hostname, client.namespace);
  const isKnown =
    service?.ports.some((each) => each.port === port) === true &&
    isReachable(mesh, fetch, client, service, port);
  if (service === undefined || !isKnown) return ofOthers(mesh, fetch, client, reference);
  const view = tcpTo(mesh, fetch, client, service, reference);
  // The name is known here, so that no proxy is needed that would look it up for each connection.
  return view.endpoints.kind === "dnsOfRequest"
    ? {
        ...view,
        endpoints: {
          kind: "dns",
          answers: "first",
          endpoints: [hostEndpoint(hostname, view.endpoints.port)],
        },
      }
    : view;
}

function tcpTo(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { hostname }: MeshService,
  reference: Extract<ClusterReference, { kind: "tcp" | "tls" }>,
): ClusterView {
  const view = clusterView(mesh, fetch, client, serviceCluster({ hostname, port: reference.port }));
  return { ...view, reference, protocol: "tcp" };
}

function ofOthers(mesh: Mesh, fetch: Fetch, client: Client, reference: ClusterReference): ClusterView {
  const policy = othersPolicy(mesh, fetch, client);
  return {
    ...bare(reference, "tcp", policy === "refuse" ? "none" : "asDialled"),
    service: othersLabels[policy],
  };
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
