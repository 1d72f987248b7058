// The whole data flow from API objects to what Envoy messages are made of, to be read from top to bottom.
// All of it is kept up to date for every service and pod: it is small. Envoy messages are made of it lazily.
import type { Graph } from "#collections/graph.ts";
import { sidecarScope } from "#model/istio/sidecar-scopes.ts";
import { workloadOfEntry } from "#model/istio/workload-entries.ts";
import { workloadOf } from "#model/kubernetes/workload.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshObjects } from "#sources/objects.ts";
import { clientOf } from "./clients/clients.ts";
import {
  labelsReadByPolicy,
  labelsReadByService,
  labelsReadByVirtualService,
} from "./clients/labels-read.ts";
import { defaultMeshSettings, type MeshSettings } from "./clients/settings.ts";
import { sidecarOf } from "./clients/sidecars.ts";
import { endpointsOfService, serviceKeyOfSlice } from "./endpoints/endpoints.ts";
import { selectableWorkloads } from "./endpoints/selected-workloads.ts";
import { healthListenerView } from "./inbound/health.ts";
import { inboundView } from "./inbound/inbound.ts";
import { portLimits } from "./inbound/limits.ts";
import type { Mesh } from "./mesh.ts";
import { openTcpPorts, rangesOf } from "./outbound/reach.ts";
import { ownHosts } from "./outbound/virtual-hosts.ts";
import { connectionRoutesOfService, serverNamePortsOf } from "./routing/connection-routes.ts";
import { routesOfService } from "./routing/routes.ts";
import { routingInputs } from "./routing/routing-lookups.ts";
import { meshServices } from "./services/mesh-services.ts";
import { httpPortsOf, opaquePortsOf, servicePortKey, tcpPortsOf } from "./services/services.ts";

/** Wires every stage. Nothing is computed before the graph settles. */
export function compileMesh(
  graph: Graph,
  objects: MeshObjects,
  settings: MeshSettings = defaultMeshSettings,
): Mesh {
  // Services and what runs behind them.
  const { all: services, ofEntries: entryServices } = meshServices(graph, objects, "the mesh");
  const serviceRanges = graph.single("service ranges", (fetch) => rangesOf(fetch.all(entryServices)));
  const entriesByTcpPort = entryServices.index("by open TCP port", (service) =>
    openTcpPorts(service).map(String),
  );
  const servicesByAddress = services.index("by address", ({ addresses }) => addresses);
  const servicesByNamespace = services.index("by namespace", (service) => [service.namespace]);
  const workloads = graph.derive("workloads", objects.pods, (pod) => workloadOf(pod));
  const listedWorkloads = graph.derive("listed workloads", objects.workloadEntries, (entry) =>
    workloadOfEntry(entry),
  );
  const workloadsByAddress = workloads.index("by address", (workload) => [workload.address]);
  const selectable = selectableWorkloads(objects.pods, workloads, workloadsByAddress, listedWorkloads);
  const slices = objects.endpointSlices.index("by service", serviceKeyOfSlice);
  const endpoints = graph.deriveMany("endpoints", services, (service, fetch) =>
    endpointsOfService(service, { slices, workloads, selectable }, fetch).map(
      (port) => [servicePortKey(service, port.port), port] as const,
    ),
  );
  const endpointsByAddress = endpoints.index("by address", (port) =>
    port.endpoints.map((endpoint) => `${endpoint.address}:${endpoint.port}`),
  );
  const tcpPorts = graph.single("tcp ports", (fetch) => tcpPortsOf(fetch.all(services)));
  const opaquePorts = graph.single("opaque ports", (fetch) => opaquePortsOf(fetch.all(services)));
  const httpPorts = graph.single("http ports", (fetch) => httpPortsOf(fetch.all(services)));

  // What users say about traffic, per service.
  const routing = routingInputs(graph, objects, services, "routes");
  const routes = graph.deriveMany("routes", services, (service, fetch) =>
    routesOfService(service, routing, fetch),
  );
  const hostsOfVirtualServices = graph.derive(
    "hosts that VirtualServices alone know",
    objects.virtualServices,
    (virtualService, fetch) => {
      const hosts = ownHosts(virtualService, routing, fetch);
      return hosts.length === 0 ? undefined : hosts;
    },
  );
  const virtualHosts = graph.single("virtual hosts", (fetch) =>
    [...new Set(fetch.all(hostsOfVirtualServices).flat())].sort(),
  );
  const connectionRoutes = graph.deriveMany("connection routes", services, (service, fetch) =>
    connectionRoutesOfService(service, routing, fetch),
  );
  const serverNamePorts = graph.single("server name ports", (fetch) =>
    serverNamePortsOf(fetch.all(connectionRoutes)),
  );
  const readers = [
    graph.derive("labels that VirtualServices read", objects.virtualServices, labelsReadByVirtualService),
    graph.derive("labels that policies read", routing.hostPolicies, labelsReadByPolicy),
    graph.derive("labels that services read", services, labelsReadByService),
  ];
  const labelsRead = graph.single("labels read of clients", (fetch) =>
    [...new Set(readers.flatMap((reader) => fetch.all(reader)).flat())].sort(),
  );
  const sidecars = graph.derive("sidecars", objects.sidecars, (sidecar) => sidecarScope(sidecar));
  const sidecarsByNamespace = sidecars.index("by namespace", ({ namespace }) => [namespace]);
  const clients = graph.derive("clients", workloads, (workload, fetch) => {
    const sidecar = sidecarOf(workload, sidecarsByNamespace, fetch);
    const key = sidecar === undefined ? undefined : objectKey(sidecar.origin);
    return clientOf(workload, fetch.get(labelsRead, "") ?? [], key);
  });

  // What a pod's own listeners need to know of the pod.
  const inbound = graph.derive("inbound", workloads, (workload, fetch) => {
    const sidecar = fetch.get(clients, `${workload.namespace}/${workload.pod}`)?.sidecar;
    return inboundView(workload, fetch.by(servicesByNamespace, workload.namespace), {
      sidecar: sidecar === undefined ? undefined : fetch.get(sidecars, sidecar),
      limitsOf: (served) => portLimits(routing, fetch, served),
    });
  });

  const healthListeners = graph.derive("health listeners", objects.pods, (pod) => healthListenerView(pod));

  return {
    services,
    servicesByAddress,
    servicesByNamespace,
    serviceRanges,
    entryServices,
    virtualHosts,
    entriesByTcpPort,
    workloads,
    workloadsByAddress,
    endpoints,
    endpointsByAddress,
    routes,
    connectionRoutes,
    clients,
    sidecars,
    settings,
    tcpPorts,
    opaquePorts,
    serverNamePorts,
    httpPorts,
    inbound,
    healthListeners,
    routing,
  };
}
