// Which endpoints a client prefers by where it and they are.
import {
  type LocalityFailover,
  type LocalityPreference,
  localityText,
  matchesLocality,
  nearest,
  nodeLabel,
  regionLabel,
  zoneLabels,
  zoneText,
} from "#model/locality.ts";
import { ownValue } from "#model/own-value.ts";
import type { TrafficPolicy } from "#model/policy.ts";
import type { MeshService } from "#model/service.ts";
import type { Client } from "../clients/clients.ts";

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
  | OwnZone;

/**
 * Its own zone, as far as that has its share of what is near: of the endpoints with the most of the first labels those of
 * the client's region. The rest only while those before fail, and of each kind its own region first.
 */
export interface OwnZone {
  readonly kind: "ownZone";
  readonly zone: string;
  readonly region: string;
  readonly minimumEndpoints: number;
  readonly labels: readonly { readonly name: string; readonly value: string }[];
  readonly nextRegion?: string;
}

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
  if (trafficDistribution === "zone") return nearestTo(client, nearestZone);
  return outlierDetection === undefined ? undefined : nearestTo(client, nearest);
}

/** Region, then zone. */
const nearestZone: LocalityFailover = { ...nearest, labels: zoneLabels.map((name) => ({ name })) };

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
    case "zoneAware":
      return ownZone(client, preference);
  }
}

function nearestTo(client: Client, preference: LocalityFailover): Spread {
  return { kind: "nearest", ...placeOf(client, preference) };
}

function ownZone(
  client: Client,
  preference: Extract<LocalityPreference, { kind: "zoneAware" }>,
): Spread | undefined {
  const zone = zoneText(client.labels);
  if (zone === "") return undefined;
  const { minimumEndpoints } = preference;
  const region = client.labels[regionLabel] ?? "";
  return { kind: "ownZone", zone, region, minimumEndpoints, ...placeOf(client, preference) };
}

/** What of a client matters to what it prefers. */
function placeOf({ labels: known }: Client, { labels, regions }: Omit<LocalityFailover, "kind">) {
  const nextRegion = regions.find(({ from }) => from === (known[regionLabel] ?? ""))?.to;
  return {
    labels: labels.map(({ name, value }) => ({ name, value: value ?? ownValue(known, name) ?? "" })),
    ...(nextRegion === undefined ? {} : { nextRegion }),
  };
}
