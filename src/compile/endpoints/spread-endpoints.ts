// Endpoints in the places where a client looks for them.
import { localityText, matchesLocality, regionLabel, type Topology, zoneText } from "#model/locality.ts";
import { ownValue } from "#model/own-value.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import type { OwnZone, Spread } from "./localities.ts";

/** An endpoint in its place. */
export interface SpreadEndpoint {
  readonly endpoint: MeshEndpoint;
  /** 0 is used first; without gaps. */
  readonly priority: number;
  /** Where localities have weights. */
  readonly locality?: string;
}

/** Endpoints in their places, and the weights of their localities where the client does not treat all alike. */
export interface SpreadEndpoints {
  readonly endpoints: readonly SpreadEndpoint[];
  /** By priority, then locality. */
  readonly weights?: readonly Readonly<Record<string, number>>[];
}

/** Puts each endpoint in its place; one that gets nothing is left out. */
export function spreadEndpoints(
  endpoints: readonly MeshEndpoint[],
  spread: Spread | undefined,
): SpreadEndpoints {
  switch (spread?.kind) {
    case undefined:
      return { endpoints: endpoints.map((endpoint) => ({ endpoint, priority: 0 })) };
    case "nearest":
      return { endpoints: byDistance(endpoints, spread) };
    case "shares":
      return weighted([{ endpoints, weights: sharesOf(endpoints, spread.shares) }], localityOf);
    case "ownZone":
      return weighted(byZone(endpoints, spread), zoneOf);
  }
}

function byDistance(
  endpoints: readonly MeshEndpoint[],
  { labels, nextRegion }: Extract<Spread, { kind: "nearest" }>,
): readonly SpreadEndpoint[] {
  const levels = inOrder(endpoints, (endpoint) => {
    const near = nearness(endpoint, labels);
    const isNext = nextRegion === undefined || near > 0 || topologyOf(endpoint)[regionLabel] === nextRegion;
    return labels.length - near + (isNext ? 0 : 1);
  });
  return levels.flatMap((level, priority) => level.map((endpoint) => ({ endpoint, priority })));
}

/** How many of the first labels an endpoint has. */
function nearness(
  endpoint: MeshEndpoint,
  labels: readonly { readonly name: string; readonly value: string }[],
): number {
  const known = topologyOf(endpoint);
  const different = labels.findIndex(({ name, value }) => (ownValue(known, name) ?? "") !== value);
  return different < 0 ? labels.length : different;
}

function topologyOf({ labels, topology }: MeshEndpoint): Topology {
  return { ...labels, ...topology };
}

/** Those of the lowest rank first; each level in the order in which they are listed. */
function inOrder(
  endpoints: readonly MeshEndpoint[],
  rankOf: (endpoint: MeshEndpoint) => number,
): readonly (readonly MeshEndpoint[])[] {
  const byRank = Map.groupBy(endpoints, rankOf);
  return [...byRank].sort(([a], [b]) => a - b).map(([, level]) => level);
}

type Weights = ReadonlyMap<string, number>;

/** Endpoints of one priority; those of localities without a weight get nothing. */
interface Level {
  readonly endpoints: readonly MeshEndpoint[];
  readonly weights: Weights;
}

function weighted(levels: readonly Level[], placeOf: (endpoint: MeshEndpoint) => string): SpreadEndpoints {
  return {
    endpoints: levels.flatMap(({ endpoints, weights }, priority) =>
      endpoints.flatMap((endpoint) => {
        const locality = placeOf(endpoint);
        return weights.has(locality) ? [{ endpoint, priority, locality }] : [];
      }),
    ),
    weights: levels.map(({ weights }) => Object.fromEntries(weights)),
  };
}

function localityOf({ topology = {} }: MeshEndpoint): string {
  return localityText(topology);
}

function zoneOf({ topology = {} }: MeshEndpoint): string {
  return zoneText(topology);
}

/** Envoy counts in whole numbers. */
const wholeWeight = 10_000;

/** A share for several localities is divided by the number of their endpoints. */
function sharesOf(
  endpoints: readonly MeshEndpoint[],
  shares: Extract<Spread, { kind: "shares" }>["shares"],
): Weights {
  const specific = [...shares].sort((a, b) => wildcardLast(a.locality) - wildcardLast(b.locality));
  const groups = new Map<number, Map<string, number>>();
  for (const endpoint of endpoints) {
    const locality = localityOf(endpoint);
    const index = specific.findIndex((share) => matchesLocality(locality, share.locality));
    const counts = groups.get(index) ?? new Map<string, number>();
    groups.set(index, counts.set(locality, (counts.get(locality) ?? 0) + 1));
  }
  const weights = new Map<string, number>();
  for (const [index, counts] of [...groups].sort(([a], [b]) => a - b)) {
    const percent = specific[index]?.percent ?? 0;
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    if (percent === 0) continue;
    for (const [locality, count] of [...counts].sort(([a], [b]) => a.localeCompare(b))) {
      weights.set(locality, Math.max(1, Math.round(((percent / 100) * wholeWeight * count) / total)));
    }
  }
  return weights;
}

/** The more of a pattern is fixed, the earlier it is asked. */
function wildcardLast(pattern: string): number {
  return -pattern.split("/").filter((part) => part !== "*").length;
}

/**
 * The client's region first, in which its own zone serves it as far as it can; zones of the region that need not help are
 * for when those before fail, as are the other regions.
 */
function byZone(endpoints: readonly MeshEndpoint[], spread: OwnZone): readonly Level[] {
  const [near = [], ...others] = inOrder(endpoints, (endpoint) => {
    const region = topologyOf(endpoint)[regionLabel] ?? "";
    const distance = region === spread.region ? 0 : region === spread.nextRegion ? 1 : 2;
    return 3 * (spread.labels.length - nearness(endpoint, spread.labels)) + distance;
  });
  const weights = ownZoneFirst(near, spread);
  const rest = near.filter((endpoint) => !weights.has(zoneOf(endpoint)));
  return [
    { endpoints: near, weights },
    ...[rest, ...others]
      .filter((level) => level.length > 0)
      .map((level) => ({ endpoints: level, weights: zoneCounts(level) })),
  ];
}

function zoneCounts(endpoints: readonly MeshEndpoint[]): Weights {
  const counts = new Map<string, number>();
  for (const endpoint of endpoints) {
    counts.set(zoneOf(endpoint), (counts.get(zoneOf(endpoint)) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => a.localeCompare(b)));
}

/**
 * Envoy's zone-aware routing, for clients that are spread over the zones evenly: a zone with its share of the endpoints
 * serves its own clients alone, and one with less sends the rest to zones that have more than theirs.
 * https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/upstream/load_balancing/zone_aware
 */
function ownZoneFirst(endpoints: readonly MeshEndpoint[], { zone: own, minimumEndpoints }: OwnZone): Weights {
  const counts = zoneCounts(endpoints);
  if (endpoints.length < minimumEndpoints || !counts.has(own)) return counts;
  const evenly = 1 / counts.size;
  const beyond = [...counts].map(([zone, count]): readonly [string, number] => [
    zone,
    Math.max(0, count / endpoints.length - evenly),
  ]);
  const kept = Math.min(1, (counts.get(own) ?? 0) / endpoints.length / evenly);
  const spare = beyond.reduce((sum, [, share]) => sum + share, 0);
  const weights = new Map([[own, Math.round(kept * wholeWeight)]]);
  for (const [zone, share] of beyond) {
    const weight = spare === 0 ? 0 : Math.round(((1 - kept) * wholeWeight * share) / spare);
    if (zone !== own && weight > 0) weights.set(zone, weight);
  }
  return weights;
}
