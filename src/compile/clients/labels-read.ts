// Which labels of clients the objects read: all others are the same to the mesh, so that pods which differ in them
// share their configuration.
import type { HostPolicy } from "#model/host-policy.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import {
  type LocalityFailover,
  type LocalityPreference,
  localityLabels,
  nearest,
  nodeLabel,
  regionLabel,
  zoneLabels,
} from "#model/locality.ts";
import type { PolicyOfPorts, PortPolicy } from "#model/policy.ts";
import type { MeshService } from "#model/service.ts";

/** Those that choose the clients of a policy, and those that say where a client runs, where that matters. */
export function labelsReadByPolicy({ clientLabels = {}, policy, subsets }: HostPolicy): readonly string[] {
  const policies = [...(policy === undefined ? [] : [policy]), ...subsets.map((subset) => subset.policy)];
  return [...Object.keys(clientLabels), ...policies.flatMap(readByPorts)];
}

/** Those that say which clients a VirtualService's routes are for. */
export function labelsReadByVirtualService({ spec }: VirtualService): readonly string[] {
  return [...(spec.http ?? []), ...(spec.tcp ?? []), ...(spec.tls ?? [])].flatMap(({ match = [] }) =>
    match.flatMap(({ sourceLabels = {} }) => Object.keys(sourceLabels)),
  );
}

/** Those that say where a client runs, where the service wants to be reached from near. */
export function labelsReadByService({ trafficDistribution }: MeshService): readonly string[] | undefined {
  if (trafficDistribution === undefined) return undefined;
  return trafficDistribution === "node" ? [...localityLabels, nodeLabel] : zoneLabels;
}

function readByPorts({ all, ports }: PolicyOfPorts): readonly string[] {
  return [all, ...ports.map(({ policy }) => policy)].flatMap(readByPortPolicy);
}

function readByPortPolicy({ balancing, outlierDetection }: PortPolicy): readonly string[] {
  if (balancing?.locality !== undefined) return readByPreference(balancing.locality);
  return outlierDetection === undefined ? [] : readByPreference(nearest);
}

function readByPreference(preference: LocalityPreference): readonly string[] {
  switch (preference.kind) {
    case "none":
      return [];
    case "distribute":
      return localityLabels;
    case "zoneAware":
      return [...localityLabels, ...readByFailover(preference)];
    case "failover":
      return readByFailover(preference);
  }
}

function readByFailover({ labels, regions }: Omit<LocalityFailover, "kind">): readonly string[] {
  return [
    ...labels.filter(({ value }) => value === undefined).map(({ name }) => name),
    ...(regions.length > 0 ? [regionLabel] : []),
  ];
}
