// A mesh of any size in memory: services, the pods behind them, and which of them each pod uses.
import { type Graph, type Source } from "#collections/graph.ts";
import { virtualHostName } from "#envoy/names.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { EndpointSlice, Service } from "#model/kubernetes/service.ts";
import type { MeshObjects } from "#sources/objects.ts";
import type { ResourceName } from "#xds/provider.ts";
import { virtualHostType } from "#xds/type-urls.ts";

export interface MeshSize {
  readonly services: number;
  /** Pods with a sidecar; each is behind some of the services. */
  readonly proxies: number;
}

/** Sources that the benchmark writes, in the form that the control plane reads. */
export type WritableObjects = MeshObjects & {
  readonly pods: Source<Pod>;
  readonly services: Source<Service>;
  readonly endpointSlices: Source<EndpointSlice>;
  readonly httpRoutes: Source<HttpRoute>;
};

const namespaces = 50;
const endpointsPerService = 5;
const servicePort = 80;
const targetPort = 8080;

/** Empty sources of every kind. */
export function writableObjects(graph: Graph): WritableObjects {
  return {
    namespaces: graph.source("Namespace"),
    pods: graph.source("Pod"),
    services: graph.source("Service"),
    endpointSlices: graph.source("EndpointSlice"),
    gateways: graph.source("Gateway"),
    gatewayClasses: graph.source("GatewayClass"),
    httpRoutes: graph.source("HTTPRoute"),
    grpcRoutes: graph.source("GRPCRoute"),
    tcpRoutes: graph.source("TCPRoute"),
    tlsRoutes: graph.source("TLSRoute"),
    referenceGrants: graph.source("ReferenceGrant"),
    backendTrafficPolicies: graph.source("XBackendTrafficPolicy"),
    virtualServices: graph.source("VirtualService"),
    destinationRules: graph.source("DestinationRule"),
    serviceEntries: graph.source("ServiceEntry"),
    workloadEntries: graph.source("WorkloadEntry"),
    sidecars: graph.source("Sidecar"),
    istioGateways: graph.source("Gateway.networking.istio.io"),
    rateLimits: graph.source("RateLimit"),
    adaptiveConcurrencies: graph.source("AdaptiveConcurrency"),
    secrets: graph.source("Secret"),
  };
}

/** Writes a mesh; service 0 has a route, so that changing it changes no more than its weight. */
export function fill(objects: WritableObjects, size: MeshSize): void {
  for (let index = 0; index < size.proxies; index++) {
    const item = pod(index);
    objects.pods.set(`${namespaceOf(index)}/${item.metadata.name}`, item);
  }
  for (let index = 0; index < size.services; index++) {
    const item = service(index);
    objects.services.set(`${namespaceOf(index)}/${item.metadata.name}`, item);
    setEndpoints(objects, size, index, 0);
  }
  setRoute(objects, 1);
}

/** Gives a service its endpoints; a higher `generation` moves the first of them to another address. */
export function setEndpoints(
  objects: WritableObjects,
  size: MeshSize,
  index: number,
  generation: number,
): void {
  const name = `service-${index}`;
  const slice: EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: namespaceOf(index), labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port: targetPort, protocol: "TCP" }],
    endpoints: Array.from({ length: endpointsPerService }, (_none, number) => {
      const podIndex = (index + number * namespaces) % size.proxies;
      return {
        addresses: [number === 0 && generation > 0 ? address(172, 16, generation) : podAddress(podIndex)],
        conditions: { ready: true },
        targetRef: { kind: "Pod", name: podName(podIndex), namespace: namespaceOf(podIndex) },
      };
    }),
  };
  objects.endpointSlices.set(`${namespaceOf(index)}/${name}`, slice);
}

/** The route of service 0: a share of its requests goes to service 50, in the same namespace. */
export function setRoute(objects: WritableObjects, weight: number): void {
  const namespace = namespaceOf(0);
  const backend = (index: number, share: number) => ({
    group: "",
    kind: "Service",
    name: `service-${index}`,
    port: servicePort,
    weight: share,
  });
  const route: HttpRoute = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "split", namespace, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      parentRefs: [{ group: "", kind: "Service", name: "service-0", port: servicePort }],
      rules: [{ backendRefs: [backend(0, 100), backend(namespaces, weight)] }],
    },
  };
  objects.httpRoutes.set(`${namespace}/split`, route);
}

/**
 * What the application of one pod uses: service 0, as every other pod does, and others out of `spread`,
 * so that all of them are used by about as many.
 */
export function usedBy(proxy: number, count: number, spread: number): readonly ResourceName[] {
  const used = new Set([0]);
  for (let step = 0; used.size < Math.min(count, spread); step++)
    used.add((proxy * 7 + step * 13 + 1) % spread);
  return [...used].map(virtualHostOf);
}

export function virtualHostOf(index: number): ResourceName {
  return { typeUrl: virtualHostType, name: virtualHostName(`${serviceAddress(index)}:${servicePort}`) };
}

/** Full name of a service, as in the names of its clusters. */
export function hostnameOf(index: number): string {
  return `service-${index}.${namespaceOf(index)}.svc.cluster.local`;
}

/** Who runs as the pod of one proxy: each pod is a workload of its own, with a certificate of its own. */
export function identityOf(index: number) {
  return {
    namespace: namespaceOf(index),
    serviceAccount: `account-${index}`,
    pod: podName(index),
    podUid: `uid-${index}`,
  };
}

function pod(index: number): Pod {
  const { namespace, serviceAccount, pod: name, podUid } = identityOf(index);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      uid: podUid,
      labels: { app: `service-${index}`, "pod-template-hash": "7c9d" },
      ownerReferences: [{ kind: "ReplicaSet", name: `service-${index}-7c9d`, uid: `owner-${index}` }],
    },
    spec: {
      serviceAccountName: serviceAccount,
      initContainers: [{ name: "heddle-proxy", restartPolicy: "Always" }],
      containers: [{ name: "application", ports: [{ name: "http", containerPort: targetPort }] }],
    },
    status: { phase: "Running", podIP: podAddress(index), conditions: [{ type: "Ready", status: "True" }] },
  };
}

function service(index: number): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `service-${index}`, namespace: namespaceOf(index) },
    spec: {
      clusterIP: serviceAddress(index),
      selector: { app: `service-${index}` },
      ports: [{ name: "http", port: servicePort, targetPort, protocol: "TCP" }],
    },
  };
}

function namespaceOf(index: number): string {
  return `namespace-${index % namespaces}`;
}

function podName(index: number): string {
  return `service-${index}-7c9d-x`;
}

function podAddress(index: number): string {
  return address(10, 244, index + 2);
}

function serviceAddress(index: number): string {
  return address(10, 96, index + 2);
}

function address(first: number, second: number, rest: number): string {
  return `${first}.${second}.${Math.floor(rest / 256)}.${rest % 256}`;
}
