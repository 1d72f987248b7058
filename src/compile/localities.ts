// Which endpoints a client prefers by where it and they are.
import {
  type LocalityFailover,
  type LocalityPreference,
  localityText,
  matchesLocality,
  nearest,
  nodeLabel,
  regionLabel,
  type Topology,
  zoneText,
} from "#model/locality.ts";
import type { TrafficPolicy } from "#model/policy.ts";
import type { MeshService } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import type { Client } from "./clients.ts";

/** What a client prefers, with all that matters of the client in it: clients for whom it is the same share lists. */
export type Spread =
  /** The more of the first labels an endpoint has, the earlier it is used; the rest only while those before fail. */
  | {
      readonly kind: "nearest";
      readonly labels: readonly { readonly name: string; readonly value: string }[];
      /** The region that goes before the other ones that are not near. */
      readonly nextRegion?: string;
    }
  | {
      readonly kind: "shares";
      readonly shares: readonly { readonly locality: string; readonly percent: number }[];
    }
  | { readonly kind: "ownZone"; readonly zone: string; readonly minimumEndpoints: number };

/**
 * What a policy and a service say about a client's choice. Endpoints that are far are kept for when near ones fail,
 * which only outlier detection finds out: as in Istio nothing is preferred without it, but by the service's own wish.
 * https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
 */
export function spreadFor(
  client: Client,
  { balancing, outlierDetection }: TrafficPolicy,
  { trafficDistribution }: Pick<MeshService, "trafficDistribution">,
): Spread | undefined {
  const preference = balancing?.locality;
  if (preference !== undefined) return spreadOf(preference, client, outlierDetection !== undefined);
  if (trafficDistribution === "node") return nearestTo(client, nearestNode);
  return trafficDistribution === "zone" || outlierDetection !== undefined
    ? nearestTo(client, nearest)
    : undefined;
}

/** The node, then what is around it. */
const nearestNode: LocalityFailover = {
  ...nearest,
  labels: [...nearest.labels, { name: nodeLabel }],
};

function spreadOf(preference: LocalityPreference, client: Client, mayFail: boolean): Spread | undefined {
  switch (preference.kind) {
    case "none":
      return undefined;
    case "failover":
      return mayFail ? nearestTo(client, preference) : undefined;
    case "distribute": {
      const own = localityText(client.labels);
      const entry = preference.entries.find(({ from }) => matchesLocality(own, from));
      return entry === undefined ? undefined : { kind: "shares", shares: entry.to };
    }
    case "zoneAware": {
      const zone = zoneText(client.labels);
      return zone === ""
        ? undefined
        : { kind: "ownZone", zone, minimumEndpoints: preference.minimumEndpoints };
    }
  }
}

function nearestTo({ labels }: Client, preference: LocalityFailover): Spread {
  const region = labels[regionLabel] ?? "";
  const nextRegion = preference.regions.find(({ from }) => from === region)?.to;
  return {
    kind: "nearest",
    labels: preference.labels.map(({ name, value }) => ({ name, value: value ?? labels[name] ?? "" })),
    ...(nextRegion === undefined ? {} : { nextRegion }),
  };
}

/** An endpoint in its place. */
export interface SpreadEndpoint {
  readonly endpoint: MeshEndpoint;
  /** 0 is used first; without gaps. */
  readonly priority: number;
  /** Where localities have weights. */
  readonly locality?: string;
}

/** Endpoints in their places, and the weights of their localities where the client does not treat all alike. */
export function spreadEndpoints(
  endpoints: readonly MeshEndpoint[],
  spread: Spread | undefined,
): {
  readonly endpoints: readonly SpreadEndpoint[];
  readonly weights?: Readonly<Record<string, number>>;
} {
  switch (spread?.kind) {
    case undefined:
      return { endpoints: endpoints.map((endpoint) => ({ endpoint, priority: 0 })) };
    case "nearest":
      return { endpoints: byDistance(endpoints, spread) };
    case "shares":
      return weighted(endpoints, sharesOf(endpoints, spread.shares), localityOf);
    case "ownZone":
      return weighted(endpoints, ownZoneFirst(endpoints, spread), zoneOf);
  }
}

function byDistance(
  endpoints: readonly MeshEndpoint[],
  { labels, nextRegion }: Extract<Spread, { kind: "nearest" }>,
): readonly SpreadEndpoint[] {
  const distanceOf = (endpoint: MeshEndpoint): number => {
    const known: Topology = { ...endpoint.labels, ...endpoint.topology };
    const different = labels.findIndex(({ name, value }) => (known[name] ?? "") !== value);
    const near = different < 0 ? labels.length : different;
    const isNext = nextRegion === undefined || near > 0 || known[regionLabel] === nextRegion;
    return labels.length - near + (isNext ? 0 : 1);
  };
  const found = endpoints.map((endpoint) => ({ endpoint, distance: distanceOf(endpoint) }));
  const distances = [...new Set(found.map(({ distance }) => distance))].sort((a, b) => a - b);
  return found.map(({ endpoint, distance }) => ({ endpoint, priority: distances.indexOf(distance) }));
}

type Weights = ReadonlyMap<string, number>;

/** Endpoints of localities without a weight get nothing. */
function weighted(
  endpoints: readonly MeshEndpoint[],
  weights: Weights,
  placeOf: (endpoint: MeshEndpoint) => string,
) {
  return {
    endpoints: endpoints.flatMap((endpoint) => {
      const locality = placeOf(endpoint);
      return weights.has(locality) ? [{ endpoint, priority: 0, locality }] : [];
    }),
    weights: Object.fromEntries(weights),
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
 * Envoy's zone-aware routing, for clients that are spread over the zones evenly: a zone with its share of the endpoints
 * serves its own clients alone, and one with less sends the rest to zones that have more than theirs.
 * https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/upstream/load_balancing/zone_aware
 */
function ownZoneFirst(
  endpoints: readonly MeshEndpoint[],
  { zone: own, minimumEndpoints }: Extract<Spread, { kind: "ownZone" }>,
): Weights {
  const counts = new Map<string, number>();
  for (const endpoint of endpoints) {
    counts.set(zoneOf(endpoint), (counts.get(zoneOf(endpoint)) ?? 0) + 1);
  }
  const zones = [...counts].sort(([a], [b]) => a.localeCompare(b));
  if (endpoints.length < minimumEndpoints || !counts.has(own)) return new Map(zones);
  const evenly = 1 / counts.size;
  const beyond = zones.map(([zone, count]): readonly [string, number] => [
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
