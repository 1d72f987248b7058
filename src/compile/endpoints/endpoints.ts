// EndpointSlices and pods → the endpoints of each service port.
import type { Collection, Fetch, Index } from "#collections/graph.ts";
import { isIpv4 } from "#model/address-ranges.ts";
import type { EndpointSlice } from "#model/kubernetes/service.ts";
import { nodeLabel, type Topology, zoneLabel } from "#model/locality.ts";
import type { MeshService } from "#model/service.ts";
import type { MeshEndpoint, Workload } from "#model/workload.ts";
import { serviceKey } from "../services/services.ts";
import { endpointsBesideSlices, type SelectableWorkloads } from "./selected-workloads.ts";

export const serviceNameLabel = "kubernetes.io/service-name";

/** The endpoints of one service port. */
export interface PortEndpoints {
  /** By `serviceKey`. */
  readonly service: string;
  readonly port: number;
  readonly endpoints: readonly MeshEndpoint[];
}

/** Where endpoints are looked up. */
export interface EndpointSources {
  /** By the key of their service. */
  readonly slices: Index<EndpointSlice>;
  readonly workloads: Collection<Workload>;
  readonly selectable: SelectableWorkloads;
}

/** The key of the service that an EndpointSlice belongs to. */
export function serviceKeyOfSlice(slice: EndpointSlice): readonly string[] {
  const service = slice.metadata.labels?.[serviceNameLabel];
  return service === undefined ? [] : [`${slice.metadata.namespace ?? "default"}/${service}`];
}

/**
 * The endpoints of every port of a service, in order of address: ready ones, or where there is none, those that still
 * serve while they end, as kube-proxy does.
 * https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-policies
 */
export function endpointsOfService(
  service: MeshService,
  { slices, workloads, selectable }: EndpointSources,
  fetch: Fetch,
): readonly PortEndpoints[] {
  const owned = service.kind === "Service" ? fetch.by(slices, `${service.namespace}/${service.name}`) : [];
  return service.ports.map((port) => {
    const listed = endpointsBesideSlices(service, port, selectable, fetch);
    return {
      service: serviceKey(service),
      port: port.port,
      endpoints: withoutDuplicates([
        ...readyIfAny(owned.flatMap((slice) => endpointsOfSlice(slice, port.name, workloads, fetch))),
        ...listed.map((endpoint) => ({ endpoint, ready: true, terminating: false })),
      ]),
    };
  });
}

function readyIfAny(found: readonly Found[]): readonly Found[] {
  const ready = found.filter((each) => each.ready);
  return ready.length > 0 ? ready : found;
}

/**
 * An endpoint that moves from one slice to another is in both for a while. So is an address that a new pod got while
 * the one that had it before is still listed: there the pod that stays wins.
 * https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#duplicate-endpoints
 */
function withoutDuplicates(found: readonly Found[]): readonly MeshEndpoint[] {
  const byAddress = new Map<string, Found>();
  for (const each of found) {
    const key = `${each.endpoint.address}:${each.endpoint.port}`;
    const other = byAddress.get(key);
    if (other === undefined || (other.terminating && !each.terminating)) byAddress.set(key, each);
  }
  return [...byAddress.values()]
    .map(({ endpoint }) => endpoint)
    .sort((a, b) => a.address.localeCompare(b.address) || a.port - b.port);
}

interface Found {
  readonly endpoint: MeshEndpoint;
  /** Else it serves, but only while it ends. */
  readonly ready: boolean;
  readonly terminating: boolean;
}

function endpointsOfSlice(
  slice: EndpointSlice,
  portName: string,
  workloads: Collection<Workload>,
  fetch: Fetch,
): readonly Found[] {
  const port = slice.ports?.find((candidate) => (candidate.name ?? "") === portName)?.port;
  if (port === undefined || slice.addressType !== "IPv4") return [];
  const namespace = slice.metadata.namespace ?? "default";
  return slice.endpoints
    .filter(({ conditions }) => isReady(conditions) || (conditions?.serving && conditions.terminating))
    .flatMap((endpoint) => {
      const pod = endpoint.targetRef?.kind === "Pod" ? endpoint.targetRef.name : undefined;
      const workload = pod === undefined ? undefined : fetch.get(workloads, `${namespace}/${pod}`);
      // A slice may come before its pod: until then nobody knows whether to encrypt, and plaintext must not be a guess.
      if (pod !== undefined && workload === undefined) return [];
      return endpoint.addresses.filter(isIpv4).map((address) => ({
        ready: isReady(endpoint.conditions),
        terminating: endpoint.conditions?.terminating === true,
        endpoint: {
          address,
          port,
          meshed: workload?.proxy === "sidecar",
          namespace,
          workload: workload?.name ?? "unknown",
          serviceAccount: workload?.serviceAccount ?? "",
          labels: workload?.labels ?? {},
          topology: topologyOfEndpoint(workload, endpoint),
        },
      }));
    });
}

/** A pod knows more of where it is than the slice does, where it knows anything. */
function topologyOfEndpoint(
  workload: Workload | undefined,
  { zone, nodeName }: EndpointSlice["endpoints"][number],
): Topology {
  return {
    ...(zone === undefined ? {} : { [zoneLabel]: zone }),
    ...(nodeName === undefined ? {} : { [nodeLabel]: nodeName }),
    ...workload?.topology,
  };
}

function isReady(conditions: EndpointSlice["endpoints"][number]["conditions"]): boolean {
  return conditions?.ready !== false;
}
