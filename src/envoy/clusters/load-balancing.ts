// How a cluster finds its endpoints, and chooses among them.
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  type ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { ClusterReference, ClusterView } from "#compile/views.ts";
import type { SlowStart } from "#model/policy.ts";
import { adsSource, duration, type Init } from "../messages.ts";
import { clusterName } from "../names.ts";
import { dnsDiscovery, dnsOfRequestDiscovery } from "./dns-clusters.ts";
import { type BalancerSettings, latencyAwarePolicy } from "./latency-aware.ts";

type Part = Init<typeof ClusterSchema>;

/** Where the endpoints of a cluster of this name come from, and which of them a request gets. */
export function discovery(view: ClusterView, name: string): Part {
  switch (view.endpoints.kind) {
    case "listed":
      return {
        clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
        edsClusterConfig: { edsConfig: adsSource(), ...listName(name, view.endpoints.list) },
        ...loadBalancing(view),
        commonLbConfig: {
          ...panic(view),
          // Beside another policy Envoy takes no word on localities here.
          ...(view.weighsLocalities === true && view.loadBalancing.kind !== "latencyAware"
            ? { localityConfigSpecifier: { case: "localityWeightedLbConfig", value: {} } }
            : {}),
        },
      };
    case "asDialled":
      return view.endpoints.port === undefined ? originalDestination : originalAddress(view.endpoints.port);
    case "dns":
      return {
        ...dnsDiscovery(view.reference, view.endpoints),
        ...loadBalancing(view),
        ...(view.outlierDetection === undefined ? {} : { commonLbConfig: panic(view) }),
      };
    case "dnsOfRequest":
      return dnsOfRequestDiscovery;
    case "none":
      return noEndpoints;
  }
}

/** Envoy asks for the list that is called as the cluster is, unless it is told of another one. */
function listName(cluster: string, list: ClusterReference) {
  const serviceName = clusterName(list);
  return serviceName === cluster ? {} : { serviceName };
}

/** Endpoints that are gone must get nothing, also when they were the last. */
function panic({ outlierDetection }: ClusterView) {
  return { healthyPanicThreshold: { value: outlierDetection?.minHealthPercent ?? 0 } };
}

export const noEndpoints = {
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
} as const;

export const originalDestination = {
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
} as const;

/** The address that was dialled, on another port. */
export function originalAddress(port: number) {
  return {
    ...originalDestination,
    lbConfig: { case: "originalDstLbConfig", value: { upstreamPortOverride: port } },
  } as const;
}

function loadBalancing({ loadBalancing: method, slowStart, weighsLocalities }: ClusterView): Part {
  const slow = slowStart === undefined ? undefined : { slowStartConfig: slowStartConfig(slowStart) };
  switch (method.kind) {
    case "latencyAware":
      return latencyAwarePolicy({
        ...(weighsLocalities === true && { locality_weighted: 1 }),
        ...(slowStart !== undefined && warmUp(slowStart)),
      });
    case "leastRequest":
      return {
        lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
        ...(slow === undefined ? {} : { lbConfig: { case: "leastRequestLbConfig", value: slow } }),
      };
    case "roundRobin":
      return {
        lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
        ...(slow === undefined ? {} : { lbConfig: { case: "roundRobinLbConfig", value: slow } }),
      };
    // What is dialled has no list to choose from.
    case "random":
    case "passthrough":
      return { lbPolicy: Cluster_LbPolicy.RANDOM };
    case "consistentHash":
      return method.table.kind === "maglev"
        ? {
            lbPolicy: Cluster_LbPolicy.MAGLEV,
            lbConfig: { case: "maglevLbConfig", value: { tableSize: BigInt(method.table.tableSize) } },
          }
        : {
            lbPolicy: Cluster_LbPolicy.RING_HASH,
            lbConfig: {
              case: "ringHashLbConfig",
              value: { minimumRingSize: BigInt(method.table.minimumSize) },
            },
          };
  }
}

function warmUp({ windowMs, minimumPercent, aggression }: SlowStart): BalancerSettings {
  return {
    warm_up_ms: windowMs,
    warm_up_minimum_percent: minimumPercent,
    ...(aggression !== 1 && { warm_up_aggression: aggression }),
  };
}

function slowStartConfig({ windowMs, minimumPercent, aggression }: SlowStart) {
  return {
    slowStartWindow: duration(windowMs),
    minWeightPercent: { value: minimumPercent },
    ...(aggression === 1
      ? {}
      : { aggression: { defaultValue: aggression, runtimeKey: "heddle.slow_start.aggression" } }),
  };
}
