// The addresses behind services, as the EndpointSlice controller of Kubernetes derives them from pods.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
import type { Collection, Fetch, Graph, Index } from "#collections/graph.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { EndpointSlice, Service, ServicePort } from "#model/kubernetes/service.ts";
import { hasLabels } from "#model/object.ts";
import { ownValue } from "#model/own-value.ts";
import { objectKey } from "#model/reference.ts";

const serviceNameLabel = "kubernetes.io/service-name";

/** What endpoints need of a pod; other changes of a pod, such as restarts of containers, change no endpoint. */
interface PodEndpoint {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  /** Its Ready condition holds. */
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly hostname: string | undefined;
  readonly subdomain: string | undefined;
  readonly nodeName: string | undefined;
  readonly ports: Readonly<Record<string, number>>;
}

/** The slices that the user wrote, and one for each service with a selector and each set of ports that its pods have. */
export function endpointSlicesOfServices(
  graph: Graph,
  services: Collection<Service>,
  pods: Collection<Pod>,
  written: Collection<EndpointSlice>,
): Collection<EndpointSlice> {
  const endpoints = graph.derive("pod endpoints", pods, podEndpoint);
  const byLabel = endpoints.index("by label", (pod) =>
    Object.entries(pod.labels).map(([label, value]) => labelKey(pod.namespace, label, value)),
  );
  const writtenBySlice = written.index("by service", ({ metadata }) => {
    const service = metadata.labels?.[serviceNameLabel];
    return service === undefined ? [] : [`${metadata.namespace}/${service}`];
  });
  return graph.deriveMany("endpoint slices", services, (service, fetch, key) =>
    [...fetch.by(writtenBySlice, key), ...derivedSlices(service, fetch, byLabel)].map(
      (slice) => [objectKey(slice.metadata), slice] as const,
    ),
  );
}

function labelKey(namespace: string, label: string, value: string): string {
  return `${namespace} ${label}=${value}`;
}

function podEndpoint(pod: Pod): PodEndpoint | undefined {
  const { metadata, spec, status } = pod;
  if (status?.podIP === undefined || status.phase === "Succeeded" || status.phase === "Failed")
    return undefined;
  // Native sidecars are init containers, and their ports count.
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const ports = containers.flatMap((container) => container.ports ?? []);
  return {
    namespace: metadata.namespace ?? "default",
    name: metadata.name,
    labels: metadata.labels ?? {},
    address: status.podIP,
    serving:
      status.conditions?.some(({ type, status: holds }) => type === "Ready" && holds === "True") === true,
    terminating: metadata.deletionTimestamp !== undefined,
    hostname: spec.hostname,
    subdomain: spec.subdomain,
    nodeName: spec.nodeName,
    ports: Object.fromEntries(
      ports.flatMap(({ name, containerPort }) =>
        name === undefined ? [] : [[name, containerPort] as const],
      ),
    ),
  };
}

type SlicePorts = NonNullable<EndpointSlice["ports"]>;

function derivedSlices(
  service: Service,
  fetch: Fetch,
  byLabel: Index<PodEndpoint>,
): readonly EndpointSlice[] {
  const { metadata, spec } = service;
  const namespace = metadata.namespace ?? "default";
  const selector = spec.selector ?? {};
  const first = Object.entries(selector)[0];
  if (first === undefined || spec.type === "ExternalName") return [];
  const pods = fetch
    .by(byLabel, labelKey(namespace, ...first))
    .filter((pod) => hasLabels(pod.labels, selector));
  // Pods may give a name to different ports; each set of ports is a slice.
  const byPorts = new Map<string, { ports: SlicePorts; pods: PodEndpoint[] }>();
  for (const pod of pods) {
    const ports = (spec.ports ?? []).flatMap((port) => slicePort(port, pod));
    const key = ports.map(({ port }) => port).join("-");
    const group = byPorts.get(key);
    if (group === undefined) byPorts.set(key, { ports, pods: [pod] });
    else group.pods.push(pod);
  }
  return [...byPorts].map(([key, group]) => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: key === "" ? metadata.name : `${metadata.name}-${key}`,
      namespace,
      labels: { [serviceNameLabel]: metadata.name },
    },
    addressType: "IPv4",
    ports: group.ports,
    endpoints: group.pods.map((pod) => endpoint(pod, service)),
  }));
}

function slicePort(port: ServicePort, pod: PodEndpoint): SlicePorts {
  const target = port.targetPort ?? port.port;
  const number = typeof target === "number" ? target : ownValue(pod.ports, target);
  return number === undefined
    ? []
    : [{ name: port.name ?? "", port: number, protocol: port.protocol ?? "TCP" }];
}

function endpoint(pod: PodEndpoint, service: Service): EndpointSlice["endpoints"][number] {
  const ready = service.spec.publishNotReadyAddresses === true || (pod.serving && !pod.terminating);
  return {
    addresses: [pod.address],
    conditions: { ready, serving: pod.serving, terminating: pod.terminating },
    ...(pod.hostname !== undefined && pod.subdomain === service.metadata.name
      ? { hostname: pod.hostname }
      : {}),
    ...(pod.nodeName === undefined ? {} : { nodeName: pod.nodeName }),
    targetRef: { kind: "Pod", namespace: pod.namespace, name: pod.name },
  };
}
