import type { Pod } from "#model/kubernetes/pod.ts";
import { isReady } from "#model/kubernetes/pod.ts";
import type { EndpointSlice, Service, ServicePort } from "#model/kubernetes/service.ts";
import { hasLabels } from "#model/object.ts";

/** A service with what stands behind it at this moment. */
export interface ServiceEndpoints {
  readonly namespace: string;
  readonly name: string;
  /** Absent for headless services. */
  readonly address?: string;
  /** The host that it is another name of. */
  readonly externalName?: string;
  readonly ports: readonly EndpointPort[];
  /** Ready pods (all of them where the service publishes those that are not), and addresses that users wrote down. */
  readonly members: readonly Member[];
}

export interface EndpointPort {
  readonly name?: string;
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  readonly targets: readonly { readonly address: string; readonly port: number }[];
}

interface Member {
  readonly address: string;
  /** The first label of the member's own DNS name, for StatefulSet pods and pods with a subdomain. */
  readonly hostname?: string;
}

/** Resolves selectors and named ports against the pods that run. Pure. */
export function serviceEndpoints(
  services: Iterable<Service>,
  pods: Iterable<Pod>,
  slices: Iterable<EndpointSlice>,
  addressOf: (service: Service) => string | undefined,
): ServiceEndpoints[] {
  const podsByNamespace = Map.groupBy(pods, (pod) => pod.metadata.namespace ?? "default");
  const slicesByService = Map.groupBy(
    slices,
    (slice) => `${slice.metadata.namespace}/${slice.metadata.labels?.["kubernetes.io/service-name"]}`,
  );
  return [...services].map((service) => {
    const namespace = service.metadata.namespace ?? "default";
    const { selector, type, externalName } = service.spec;
    const { name } = service.metadata;
    if (type === "ExternalName")
      return {
        namespace,
        name,
        ports: [],
        members: [],
        ...(externalName === undefined ? {} : { externalName }),
      };
    const base = { namespace, name, ...addressField(addressOf(service)) };
    if (selector !== undefined && Object.keys(selector).length > 0)
      return { ...base, ...fromPods(service, selector, podsByNamespace.get(namespace) ?? []) };
    return { ...base, ...fromSlices(service, slicesByService.get(`${namespace}/${base.name}`) ?? []) };
  });
}

function addressField(address: string | undefined): { readonly address?: string } {
  return address === undefined || address === "None" ? {} : { address };
}

function fromPods(
  service: Service,
  selector: Readonly<Record<string, string>>,
  pods: readonly Pod[],
): Pick<ServiceEndpoints, "ports" | "members"> {
  const chosen = pods.filter(
    (pod) =>
      pod.status?.podIP !== undefined &&
      hasLabels(pod.metadata.labels, selector) &&
      (service.spec.publishNotReadyAddresses === true || isReady(pod)),
  );
  return {
    members: chosen.map((pod) => memberOf(pod, service.metadata.name)),
    ports: portsOf(service, (port) =>
      chosen.flatMap((pod) => {
        const number = targetPort(port, pod);
        return number === undefined ? [] : [{ address: pod.status?.podIP ?? "", port: number }];
      }),
    ),
  };
}

function memberOf(pod: Pod, service: string): Member {
  const address = pod.status?.podIP ?? "";
  const { hostname, subdomain } = pod.spec;
  return hostname !== undefined && subdomain === service ? { address, hostname } : { address };
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return containers.flatMap((container) => container.ports ?? []).find((entry) => entry.name === target)
    ?.containerPort;
}

function fromSlices(
  service: Service,
  slices: readonly EndpointSlice[],
): Pick<ServiceEndpoints, "ports" | "members"> {
  const ready = slices.flatMap((slice) =>
    slice.endpoints
      .filter((endpoint) => endpoint.conditions?.ready !== false)
      .flatMap((endpoint) =>
        endpoint.addresses.map((address) => ({
          address,
          hostname: endpoint.hostname,
          ports: slice.ports ?? [],
        })),
      ),
  );
  return {
    members: ready.map(({ address, hostname }) =>
      hostname === undefined ? { address } : { address, hostname },
    ),
    ports: portsOf(service, (port) =>
      ready.flatMap(({ address, ports }) => {
        const target = ports.find((entry) => (entry.name ?? "") === (port.name ?? ""))?.port;
        return target === undefined ? [] : [{ address, port: target }];
      }),
    ),
  };
}

function portsOf(
  service: Service,
  targetsOf: (port: ServicePort) => EndpointPort["targets"],
): readonly EndpointPort[] {
  return (service.spec.ports ?? []).map((port) => ({
    ...(port.name === undefined ? {} : { name: port.name }),
    port: port.port,
    protocol: port.protocol === "UDP" ? "udp" : "tcp",
    targets: targetsOf(port),
  }));
}
