// API objects for tests, straight from YAML into the cells that a source would fill.
import * as yaml from "js-yaml";
import type { Graph, Source } from "#collections/graph.ts";
import type { KubernetesObject } from "#model/object.ts";
import { kindName, objectKey } from "#model/reference.ts";
import { endpointSlicesOfServices } from "#sources/directory/endpoint-slices.ts";
import type { Kind, LocalObjects, ObjectOfKind } from "#sources/objects.ts";

/** Cells that a test writes: `put` adds or replaces the objects of a YAML text, `remove` takes one away. */
export interface TestObjects {
  readonly objects: LocalObjects;
  readonly put: (text: string) => void;
  readonly remove: (kind: Kind, key: string) => void;
}

export function testObjects(graph: Graph): TestObjects {
  const cells = new Map<string, Source<KubernetesObject>>();
  const cell = <K extends Kind>(kind: K): Source<ObjectOfKind[K]> => {
    const source = graph.source<ObjectOfKind[K]>(kind);
    cells.set(kind, source);
    return source;
  };
  const pods = cell("Pod");
  const services = cell("Service");
  const objects: LocalObjects = {
    namespaces: cell("Namespace"),
    pods,
    services,
    endpointSlices: endpointSlicesOfServices(graph, services, pods, cell("EndpointSlice")),
    serviceAccounts: cell("ServiceAccount"),
    configMaps: cell("ConfigMap"),
    secrets: cell("Secret"),
    deployments: cell("Deployment"),
    statefulSets: cell("StatefulSet"),
    jobs: cell("Job"),
    gateways: cell("Gateway"),
    gatewayClasses: cell("GatewayClass"),
    httpRoutes: cell("HTTPRoute"),
    grpcRoutes: cell("GRPCRoute"),
    tcpRoutes: cell("TCPRoute"),
    tlsRoutes: cell("TLSRoute"),
    referenceGrants: cell("ReferenceGrant"),
    backendTrafficPolicies: cell("XBackendTrafficPolicy"),
    virtualServices: cell("VirtualService"),
    destinationRules: cell("DestinationRule"),
    serviceEntries: cell("ServiceEntry"),
    workloadEntries: cell("WorkloadEntry"),
    sidecars: cell("Sidecar"),
    istioGateways: cell("Gateway.networking.istio.io"),
    rateLimits: cell("RateLimit"),
    adaptiveConcurrencies: cell("AdaptiveConcurrency"),
  };
  return {
    objects,
    put(text) {
      for (const object of yaml.loadAll(text) as KubernetesObject[]) {
        const clusterScoped = object.kind === "Namespace" || object.kind === "GatewayClass";
        const named = clusterScoped
          ? object
          : { ...object, metadata: { namespace: "default", ...object.metadata } };
        cells.get(kindName(object))?.set(objectKey(named.metadata), named);
      }
    },
    remove: (kind, key) => cells.get(kind)?.set(key, undefined),
  };
}

/** A running, ready pod as YAML. */
export function podYaml(pod: {
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly meshed?: boolean;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: pod.namespace, name: pod.name, uid: `uid-${pod.name}`, labels: pod.labels },
    spec: {
      serviceAccountName: pod.labels.app ?? "default",
      initContainers: pod.meshed === false ? [] : [{ name: "heddle-proxy" }],
      containers: [{ name: "app", ports: pod.ports ?? [] }],
    },
    status: { podIP: pod.address, conditions: [{ type: "Ready", status: "True" }] },
  });
}
