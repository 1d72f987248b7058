import { parseDuration } from "../duration.ts";
import { type LocalityFailover, type LocalityPreference, nearest } from "../locality.ts";
import type { Balancing, HashKey, LoadBalancing, SlowStart } from "../policy.ts";
import { present } from "../present.ts";
import { hashFaults, isGiven } from "./hash-faults.ts";
import { hashTable } from "./hash-tables.ts";
import type {
  ConsistentHash,
  IstioLoadBalancer,
  LocalityLoadBalancing,
  RegionFailover,
  ZoneAwareLoadBalancing,
} from "./load-balancer.ts";

/** API object → domain type. https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings */
export function balancing(settings: IstioLoadBalancer): Balancing {
  return present({
    method: method(settings),
    locality: localityPreference(settings),
    slowStart: slowStart(settings),
  });
}

function method({ simple, consistentHash }: IstioLoadBalancer): LoadBalancing | undefined {
  const by = consistentHash === undefined ? undefined : hashKey(consistentHash);
  if (consistentHash !== undefined && by !== undefined) {
    return { kind: "consistentHash", by, table: hashTable(consistentHash) };
  }
  switch (simple) {
    case "ROUND_ROBIN":
      return { kind: "roundRobin" };
    case "RANDOM":
      return { kind: "random" };
    case "LEAST_REQUEST":
    case "LEAST_CONN":
      return { kind: "leastRequest" };
    case "PASSTHROUGH":
      return { kind: "passthrough" };
    default:
      return undefined;
  }
}

/** Undefined where nothing is said, or what no proxy can look at. */
function hashKey(hash: ConsistentHash): HashKey | undefined {
  if (hashFaults(hash).length > 0) return undefined;
  const { httpHeaderName, httpQueryParameterName, httpCookie: cookie } = hash;
  if (isGiven(httpHeaderName)) return { kind: "header", name: httpHeaderName };
  if (cookie !== undefined) {
    return {
      kind: "cookie",
      name: cookie.name,
      ...present({
        path: cookie.path,
        ttlMs: cookie.ttl === undefined ? undefined : parseDuration(cookie.ttl),
        attributes: cookie.attributes?.map(({ name, value = "" }) => ({ name, value })),
      }),
    };
  }
  if (isGiven(httpQueryParameterName)) return { kind: "queryParameter", name: httpQueryParameterName };
  return hash.useSourceIp === true ? { kind: "sourceAddress" } : undefined;
}

function slowStart({ warmup, warmupDurationSecs }: IstioLoadBalancer): SlowStart | undefined {
  const duration = warmup?.duration ?? warmupDurationSecs;
  const windowMs = duration === undefined ? undefined : parseDuration(duration);
  if (windowMs === undefined || windowMs === 0) return undefined;
  return {
    windowMs,
    minimumPercent: warmup?.minimumPercent ?? 10,
    aggression: Math.max(1, warmup?.aggression ?? 1),
  };
}

function localityPreference(settings: IstioLoadBalancer): LocalityPreference | undefined {
  const { localityLbSetting: locality, zoneAwareLbSetting: zoneAware } = settings;
  if (zoneAware !== undefined && zoneAware.enabled !== false) return ofZones(zoneAware);
  return locality === undefined ? undefined : ofLocalities(locality);
}

/** Endpoints below which a zone is not kept to itself: Envoy's default. */
const minimumEndpoints = 6;

function ofZones(setting: ZoneAwareLoadBalancing): LocalityPreference {
  const { minClusterSize = minimumEndpoints, failover = [], failoverPriority = [] } = setting;
  return {
    kind: "zoneAware",
    minimumEndpoints: minClusterSize,
    labels: failoverPriority.map(priorityLabel),
    regions: regionsOf(failover),
  };
}

function ofLocalities(setting: LocalityLoadBalancing): LocalityPreference {
  if (setting.enabled === false) return { kind: "none" };
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  if (distribute.length > 0) {
    return {
      kind: "distribute",
      entries: distribute.map(({ from = "*", to = {} }) => ({
        from,
        to: Object.entries(to).map(([locality, percent]) => ({ locality, percent: Math.min(percent, 100) })),
      })),
    };
  }
  return {
    kind: "failover",
    labels: failoverPriority.length === 0 ? nearest.labels : failoverPriority.map(priorityLabel),
    regions: regionsOf(failover),
  };
}

/** `version`, of which the client's value counts, or `version=v1`. */
function priorityLabel(text: string): LocalityFailover["labels"][number] {
  const [name = "", ...value] = text.split("=");
  return value.length === 0 ? { name } : { name, value: value.join("=") };
}

function regionsOf(failover: readonly RegionFailover[]): readonly { from: string; to: string }[] {
  return failover.flatMap(({ from, to }) => (from === undefined || to === undefined ? [] : [{ from, to }]));
}
