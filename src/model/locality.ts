// Where workloads run, in the words of labels, and what clients prefer by it.

export const regionLabel = "topology.kubernetes.io/region";
export const zoneLabel = "topology.kubernetes.io/zone";
const subzoneLabel = "topology.istio.io/subzone";
export const nodeLabel = "kubernetes.io/hostname";

/** From the widest to the narrowest. */
export const localityLabels = [regionLabel, zoneLabel, subzoneLabel] as const;

/** Of which parts are no nearer to each other than to the rest of the zone. */
export const zoneLabels = [regionLabel, zoneLabel] as const;

/** The labels that say where something runs; one that is not known is absent. */
export type Topology = Readonly<Record<string, string>>;

/** `region/zone/subzone`, as far as it is known. */
export function localityText(topology: Topology): string {
  return joined(topology, localityLabels);
}

/** `region/zone`, as far as it is known. */
export function zoneText(topology: Topology): string {
  return joined(topology, zoneLabels);
}

function joined(topology: Topology, labels: readonly string[]): string {
  return labels
    .map((label) => topology[label] ?? "")
    .join("/")
    .replace(/\/+$/, "");
}

/** What `region/zone/subzone` says. */
export function topologyOfLocality(locality: string, separator = "/"): Topology {
  const parts = locality.split(separator);
  return Object.fromEntries(
    localityLabels.flatMap((label, index) => {
      const part = parts[index];
      return part === undefined || part === "" ? [] : [[label, part] as const];
    }),
  );
}

/** Whether a locality is one of those that a pattern means: `*` for any, `us-west/*`, `us-west/zone1/*`, or a prefix. */
export function matchesLocality(locality: string, pattern: string): boolean {
  const parts = locality.split("/");
  return pattern
    .split("/")
    .every((part, index) => part === "*" || part === "" || part === (parts[index] ?? ""));
}

/** Which endpoints a client prefers. */
export type LocalityPreference =
  /** None. */
  | { readonly kind: "none" }
  /** Shares for localities, the first entry that is for the client's. */
  | { readonly kind: "distribute"; readonly entries: readonly LocalityShares[] }
  /** The nearest that work. */
  | LocalityFailover
  /** Its own zone, as far as that has its share of the endpoints of the region; the rest when these fail. */
  | ({ readonly kind: "zoneAware"; readonly minimumEndpoints: number } & Omit<LocalityFailover, "kind">);

export interface LocalityFailover {
  readonly kind: "failover";
  /**
   * Labels, of which the client's value or the one given counts: the more of the first ones an endpoint shares, the
   * nearer it is.
   */
  readonly labels: readonly { readonly name: string; readonly value?: string }[];
  /** Where a region's clients go before they go to any other region. */
  readonly regions: readonly { readonly from: string; readonly to: string }[];
}

export interface LocalityShares {
  /** Pattern of the client's locality. */
  readonly from: string;
  readonly to: readonly { readonly locality: string; readonly percent: number }[];
}

/** Region, then zone, then the part of a zone. */
export const nearest: LocalityFailover = {
  kind: "failover",
  labels: localityLabels.map((name) => ({ name })),
  regions: [],
};
