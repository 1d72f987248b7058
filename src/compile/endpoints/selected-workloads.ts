// What selectors and lists choose that is in no EndpointSlice: pods by a ServiceEntry, and workloads that are no pods.
import type { Collection, Fetch, Index } from "#collections/graph.ts";
import { isIpv4 } from "#model/address-ranges.ts";
import { isReady, type Pod } from "#model/kubernetes/pod.ts";
import { topologyOfLocality } from "#model/locality.ts";
import { hasLabels } from "#model/object.ts";
import { ownValue } from "#model/own-value.ts";
import type { MeshService, MeshServicePort } from "#model/service.ts";
import type { ListedWorkload, MeshEndpoint, Workload } from "#model/workload.ts";

/** Where they are looked up. */
export interface SelectableWorkloads {
  /** By `namespace/pod`. */
  readonly pods: Collection<Pod>;
  readonly workloadsByNamespace: Index<Workload>;
  readonly workloadsByAddress: Index<Workload>;
  /** WorkloadEntries. */
  readonly listedByNamespace: Index<ListedWorkload>;
}

/** Makes the lookups. */
export function selectableWorkloads(
  pods: Collection<Pod>,
  workloads: Collection<Workload>,
  workloadsByAddress: Index<Workload>,
  listed: Collection<ListedWorkload>,
): SelectableWorkloads {
  return {
    pods,
    workloadsByAddress,
    workloadsByNamespace: workloads.index("by namespace", ({ namespace }) => [namespace]),
    listedByNamespace: listed.index("by namespace", ({ namespace }) => [namespace]),
  };
}

/** The endpoints of a service's port that users have written down, or that its selector chooses beside those of slices. */
export function endpointsBesideSlices(
  service: MeshService,
  port: MeshServicePort,
  from: SelectableWorkloads,
  fetch: Fetch,
): readonly MeshEndpoint[] {
  const { namespace, selector, workloads } = service;
  const selects = Object.keys(selector).length > 0;
  const entries = selects
    ? fetch.by(from.listedByNamespace, namespace).filter(({ labels }) => hasLabels(labels, selector))
    : [];
  const pods =
    selects && service.kind === "ServiceEntry"
      ? fetch.by(from.workloadsByNamespace, namespace).filter(({ labels }) => hasLabels(labels, selector))
      : [];
  return [
    ...[...workloads, ...entries].flatMap((workload) => ofListed(service, port, workload, from, fetch)),
    ...pods.flatMap((workload) => ofPod(service, port, workload, from, fetch)),
  ];
}

/** One that stands at the address of a pod with a sidecar is reached as that pod is, by whatever account it is said to run as. */
function ofListed(
  service: MeshService,
  port: MeshServicePort,
  listed: ListedWorkload,
  from: SelectableWorkloads,
  fetch: Fetch,
): readonly MeshEndpoint[] {
  const { address, labels, name, namespace, serviceAccount, weight } = listed;
  if (address === "" || address.startsWith("unix:")) return [];
  if (service.resolution.kind !== "dns" && !isIpv4(address)) return [];
  const pod = service.external ? undefined : fetch.by(from.workloadsByAddress, address)[0];
  return [
    {
      address,
      port:
        ownValue(listed.ports, port.name) ??
        (typeof port.targetPort === "number" ? port.targetPort : port.port),
      meshed: pod?.proxy === "sidecar",
      namespace: serviceAccount === "" ? (pod?.namespace ?? namespace) : namespace,
      workload: name,
      serviceAccount: serviceAccount === "" ? (pod?.serviceAccount ?? "") : serviceAccount,
      topology: { ...topologyOfLocality(listed.locality), ...pod?.topology },
      labels,
      ...(weight === undefined ? {} : { weight }),
    },
  ];
}

function ofPod(
  service: MeshService,
  { targetPort, port }: MeshServicePort,
  workload: Workload,
  from: SelectableWorkloads,
  fetch: Fetch,
): readonly MeshEndpoint[] {
  const pod = fetch.get(from.pods, `${workload.namespace}/${workload.pod}`);
  if (pod === undefined || !isReady(pod)) return [];
  return [
    {
      address: workload.address,
      port: typeof targetPort === "number" ? targetPort : port,
      meshed: workload.proxy === "sidecar" && !service.external,
      namespace: workload.namespace,
      workload: workload.name,
      serviceAccount: workload.serviceAccount,
      topology: workload.topology,
      labels: workload.labels,
    },
  ];
}
