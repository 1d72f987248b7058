import { hashFaults } from "#model/istio/hash-faults.ts";
import { isTableSize, largestRing, largestTable } from "#model/istio/hash-tables.ts";
import type {
  ConsistentHash,
  IstioLoadBalancer,
  LocalityLoadBalancing,
  RegionFailover,
  ZoneAwareLoadBalancing,
} from "#model/istio/load-balancer.ts";
import { localityLabels } from "#model/locality.ts";
import { type CheckFinding, error, errorsAt, warning } from "../finding.ts";

/** `mayFail`: whether outlier detection finds out which endpoints fail. */
export function checkLoadBalancer(
  settings: IstioLoadBalancer,
  mayFail: boolean,
  field: string,
): readonly CheckFinding[] {
  const { simple, consistentHash, localityLbSetting, zoneAwareLbSetting, warmup, warmupDurationSecs } =
    settings;
  const warms = warmup === undefined ? "warmupDurationSecs" : "warmup";
  const slow = warmup !== undefined || warmupDurationSecs !== undefined;
  const chooses = consistentHash === undefined ? simple : "consistentHash";
  const unweighted = ["RANDOM", "PASSTHROUGH", "consistentHash"].includes(chooses ?? "");
  return [
    ...(slow && unweighted
      ? [warning(`${field}.${warms}`, `has no effect with ${chooses}; use ROUND_ROBIN or LEAST_REQUEST`)]
      : []),
    ...(consistentHash === undefined ? [] : checkConsistentHash(consistentHash, `${field}.consistentHash`)),
    ...(localityLbSetting === undefined
      ? []
      : checkLocality(localityLbSetting, mayFail, `${field}.localityLbSetting`)),
    ...(localityLbSetting !== undefined &&
    zoneAwareLbSetting !== undefined &&
    zoneAwareLbSetting.enabled !== false
      ? [warning(`${field}.localityLbSetting`, "has no effect beside zoneAwareLbSetting; keep one")]
      : []),
    ...(zoneAwareLbSetting === undefined
      ? []
      : checkZones(zoneAwareLbSetting, `${field}.zoneAwareLbSetting`)),
  ];
}

function checkConsistentHash(hash: ConsistentHash, field: string): readonly CheckFinding[] {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName, ringHash, maglev } = hash;
  const hasKey = [httpHeaderName, httpCookie, httpQueryParameterName].some(
    (key) => key !== undefined && key !== "",
  );
  const ring = ringHash?.minimumRingSize ?? hash.minimumRingSize ?? 0;
  const table = maglev?.tableSize;
  return [
    ...errorsAt(field, hashFaults(hash)),
    ...(hasKey || useSourceIp === true
      ? []
      : [
          error(
            field,
            "does not say by what: give httpHeaderName, httpCookie, httpQueryParameterName or useSourceIp",
            "UnsupportedValue",
          ),
        ]),
    ...(ring > largestRing
      ? [error(`${field}.ringHash.minimumRingSize`, `must be at most ${largestRing}`, "UnsupportedValue")]
      : []),
    ...(table !== undefined && !isTableSize(table)
      ? [
          error(
            `${field}.maglev.tableSize`,
            `must be a prime number of at most ${largestTable}, such as 65537`,
            "UnsupportedValue",
          ),
        ]
      : []),
  ];
}

function checkLocality(
  { distribute = [], failover = [], failoverPriority = [], enabled }: LocalityLoadBalancing,
  mayFail: boolean,
  field: string,
): readonly CheckFinding[] {
  const fails = failover.length > 0 ? "failover" : "failoverPriority";
  const hasFailover = failover.length + failoverPriority.length > 0;
  if (enabled === false) {
    return hasFailover || distribute.length > 0
      ? [warning(`${field}.enabled`, "is false, so that the rest of it has no effect")]
      : [];
  }
  return [
    ...(distribute.length > 0 && hasFailover
      ? [error(`${field}.${fails}`, "cannot stand beside distribute; keep one", "UnsupportedValue")]
      : []),
    ...(hasFailover && distribute.length === 0 && !mayFail
      ? [warning(`${field}.${fails}`, "has no effect without outlierDetection, which finds what fails")]
      : []),
    ...checkFailover(failover, `${field}.failover`),
    ...distribute.flatMap(({ to = {} }, index) => {
      const total = Object.values(to).reduce((sum, percent) => sum + percent, 0);
      return total === 100
        ? []
        : [error(`${field}.distribute[${index}].to`, `the shares add up to ${total}, not to 100`)];
    }),
  ];
}

function checkFailover(failover: readonly RegionFailover[], field: string): readonly CheckFinding[] {
  return failover.flatMap(({ from, to }, index) =>
    from === to ? [error(`${field}[${index}]`, "from and to must be different regions")] : [],
  );
}

/** Regions and zones have an order of their own there. */
function checkZones(
  { enabled, failover = [], failoverPriority = [] }: ZoneAwareLoadBalancing,
  field: string,
): readonly CheckFinding[] {
  if (enabled === false) {
    return failover.length + failoverPriority.length > 0
      ? [warning(`${field}.enabled`, "is false, so that the rest of it has no effect")]
      : [];
  }
  return [
    ...checkFailover(failover, `${field}.failover`),
    ...failoverPriority.flatMap((label, index) =>
      localityLabels.some((name) => name === label.split("=")[0])
        ? [
            error(
              `${field}.failoverPriority[${index}]`,
              `${label} is looked at anyway, after the labels here; take it out`,
              "UnsupportedValue",
            ),
          ]
        : [],
    ),
  ];
}
