// API objects from files: plain Kubernetes YAML on one machine, watched.
import type { Collection, Graph } from "#collections/graph.ts";
import type { ImageStandIn } from "#model/image-stand-in.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { type ObjectReference, objectKey, type Problem } from "#model/reference.ts";
import type { LocalObjects } from "#sources/objects.ts";
import { parseField } from "../schema/field-path.ts";
import { type ClusterState, openClusterState } from "./cluster-state.ts";
import { endpointSlicesOfServices } from "./endpoint-slices.ts";
import { followFiles } from "./follow-files.ts";
import { type ObjectRegistry, openRegistry } from "./object-registry.ts";
import { lineOfObject } from "./parse-file.ts";

export interface DirectoryOptions {
  /** Files, and directories that are read recursively for `.yaml`, `.yml` and `.json`. */
  readonly paths: readonly string[];
  /**
   * The directory in which the local runner writes what actually is: pods and the addresses of services. Without it
   * the pods are those of the files, and services have the addresses that files give them.
   */
  readonly cluster?: string;
}

export interface DirectorySource {
  readonly objects: LocalObjects;
  /** What runs instead of images; of several that fit equally well the first by key. */
  readonly standIns: Collection<ImageStandIn>;
  /** What is wrong with the files themselves; in the order of files and lines when sorted by key. */
  readonly problems: Collection<Problem>;
  /** Where an object, or a field of it, stands; undefined if no file has it. */
  locate(
    object: ObjectReference,
    field?: string,
  ): { readonly file: string; readonly line: number } | undefined;
  /** Resolved once what is there at the start has been read. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Reads the files and follows their changes. User errors end in `problems`; nothing throws. */
export function openDirectory(graph: Graph, options: DirectoryOptions): DirectorySource {
  const registry = openRegistry(graph);
  const cluster = options.cluster === undefined ? undefined : openClusterState(graph, options.cluster);
  const objects = objectsOf(graph, registry, cluster);
  const stopFollowing = followFiles(registry, options.paths);
  return {
    objects,
    standIns: registry.standIns,
    problems: registry.problems,
    locate: ({ kind, namespace, name }, field) => {
      const found = registry.find(kind, objectKey({ namespace, name }));
      if (found === undefined) return undefined;
      return {
        file: found.file,
        line: lineOfObject(found.object, field === undefined ? [] : parseField(field)),
      };
    },
    ready: Promise.resolve(),
    close: () => {
      stopFollowing();
      cluster?.close();
    },
  };
}

function objectsOf(graph: Graph, registry: ObjectRegistry, cluster: ClusterState | undefined): LocalObjects {
  const writtenPods = registry.ofKind("Pod");
  const writtenServices = registry.ofKind("Service");
  const definedNamespaces = registry.ofKind("Namespace");
  const pods = cluster?.pods ?? writtenPods;
  const services =
    cluster === undefined
      ? writtenServices
      : graph.derive("Service with address", writtenServices, (service, fetch, key) =>
          withAddress(service, fetch.get(cluster.serviceAddresses, key)),
        );
  return {
    namespaces: graph.derive(
      "Namespace with implicit ones",
      registry.namespaceNames,
      (name, fetch) => fetch.get(definedNamespaces, name) ?? implicitNamespace(name),
    ),
    pods,
    services,
    endpointSlices: endpointSlicesOfServices(graph, services, pods, registry.ofKind("EndpointSlice")),
    serviceAccounts: registry.ofKind("ServiceAccount"),
    configMaps: registry.ofKind("ConfigMap"),
    secrets: registry.ofKind("Secret"),
    deployments: registry.ofKind("Deployment"),
    statefulSets: registry.ofKind("StatefulSet"),
    jobs: registry.ofKind("Job"),
    gateways: registry.ofKind("Gateway"),
    gatewayClasses: registry.ofKind("GatewayClass"),
    httpRoutes: registry.ofKind("HTTPRoute"),
    grpcRoutes: registry.ofKind("GRPCRoute"),
    tcpRoutes: registry.ofKind("TCPRoute"),
    tlsRoutes: registry.ofKind("TLSRoute"),
    referenceGrants: registry.ofKind("ReferenceGrant"),
    backendTrafficPolicies: registry.ofKind("XBackendTrafficPolicy"),
    virtualServices: registry.ofKind("VirtualService"),
    destinationRules: registry.ofKind("DestinationRule"),
    serviceEntries: registry.ofKind("ServiceEntry"),
    workloadEntries: registry.ofKind("WorkloadEntry"),
    sidecars: registry.ofKind("Sidecar"),
    istioGateways: registry.ofKind("Gateway.networking.istio.io"),
    rateLimits: registry.ofKind("RateLimit"),
    adaptiveConcurrencies: registry.ofKind("AdaptiveConcurrency"),
  };
}

function withAddress(service: Service, address: string | undefined): Service {
  if (address === undefined || service.spec.clusterIP === "None") return service;
  return { ...service, spec: { ...service.spec, clusterIP: address } };
}

function implicitNamespace(name: string): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}
