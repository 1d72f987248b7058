// What sidecars measure, under the names that they send: the agreement between the access logger's configuration, the
// bootstrap and the ingest. No imports: the bootstrap is made where Envoy's types are not loaded.

/** Prefix of everything that the access loggers count; the bootstrap's `stats_matcher` must include it. */
export const statsPrefix = "heddle";

/** Names of the counters and histograms, without prefix. Envoy sends them as `heddle.<name>`. */
export const measures = {
  /** Microseconds; its number of samples is the number of requests. */
  requestDuration: "request_duration_microseconds",
  requestBytes: "request_bytes",
  responseBytes: "response_bytes",
  tcpOpened: "tcp_connections_opened_total",
  tcpClosed: "tcp_connections_closed_total",
  tcpSentBytes: "tcp_sent_bytes_total",
  tcpReceivedBytes: "tcp_received_bytes_total",
} as const;

/** The one tag of each measure; {@link joinTraffic} says what it looks like. */
export const trafficTag = "traffic";

/** What a proxy knows of a request or connection itself. */
const requestFields = [
  "reporter",
  "responseCode",
  "responseFlags",
  "grpcStatus",
  "peerPrincipal",
  "peerWorkload",
  "upstreamProtocol",
] as const;
/** What the cluster's metadata tells of the service; `authority` is empty where the mesh's own vouches for its servers. */
const serviceFields = ["service", "serviceName", "serviceNamespace", "authority"] as const;
/** What the endpoint's metadata tells of the workload. */
const endpointFields = ["workload", "workloadNamespace", "app", "version"] as const;

export type RequestField = (typeof requestFields)[number];
export type ServiceField = (typeof serviceFields)[number];
export type EndpointField = (typeof endpointFields)[number];
export type TrafficField = RequestField | ServiceField | EndpointField;

/** The keys, below `heddle`, of the metadata from which Envoy takes the two groups as they are. */
export const serviceMetadataKey = "service";
export const endpointMetadataKey = "endpoint";

// Neither is in a name of Kubernetes, a URI or a response flag.
const fieldSeparator = "|";
const partSeparator = ";";

/**
 * In the place of a service: connections that pass through the proxy once more, and are counted there. Nothing else is
 * called so, for services have names with dots.
 */
export const countedLater = "counted-later";

/** An authority that the mesh knows nothing of: its certificates may say anything. */
export const foreignAuthority = "foreign";

/** What is known of a service. */
export interface ServiceParts extends Readonly<Record<Exclude<ServiceField, "authority">, string>> {
  readonly authority?: typeof foreignAuthority | undefined;
}

/** The metadata of a cluster. */
export function joinService({ service, serviceName, serviceNamespace, authority }: ServiceParts): string {
  const names = [service, serviceName, serviceNamespace];
  return (authority === undefined ? names : [...names, authority]).join(partSeparator);
}

/** The metadata of an endpoint. */
export function joinEndpoint(parts: Readonly<Record<EndpointField, string>>): string {
  return endpointFields.map((field) => parts[field]).join(partSeparator);
}

/**
 * The tag: what is known of the request, then the service and the endpoint as one field each; absent values are empty.
 * One tag instead of fourteen costs Envoy less for each request and each listener, and is less than half as long.
 */
export function joinTraffic(
  request: Readonly<Partial<Record<RequestField, string>>>,
  service: string,
  endpoint: string,
): string {
  return [...requestFields.map((field) => request[field] ?? ""), service, endpoint].join(fieldSeparator);
}

/** The fields of a tag, the absent ones empty; undefined if it is no such tag. */
export function splitTraffic(tag: string): Readonly<Record<TrafficField, string>> | undefined {
  const values = tag.split(fieldSeparator);
  if (values.length !== requestFields.length + 2) return undefined;
  const [service = "", endpoint = ""] = values.slice(requestFields.length);
  const named = (names: readonly TrafficField[], parts: readonly string[]) =>
    names.map((name, index) => [name, parts[index] ?? ""] as const);
  return Object.fromEntries([
    ...named(requestFields, values),
    ...named(serviceFields, service.split(partSeparator)),
    ...named(endpointFields, endpoint.split(partSeparator)),
  ]) as Record<TrafficField, string>;
}

/** Upper bounds of the latency buckets, in milliseconds. They include the bounds of Istio's standard metrics. */
export const latencyBoundsMs: readonly number[] = [
  0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 25, 35, 50, 70, 100, 150, 200, 250, 350, 500,
  700, 1_000, 1_500, 2_500, 3_500, 5_000, 7_000, 10_000, 15_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** Upper bounds of the size buckets, in bytes. */
export const sizeBounds: readonly number[] = [
  100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
];

/**
 * Requests that were not answered to the end have no duration; they are counted as 0 µs, in this lowest bucket of the
 * duration, which no real request reaches.
 */
export const incompleteBoundMicroseconds = 0.5;

/** `stats_config.histogram_bucket_settings` of the bootstrap, in its JSON form. */
export const histogramBucketSettings = [
  {
    match: { prefix: `${statsPrefix}.${measures.requestDuration}` },
    buckets: [incompleteBoundMicroseconds, ...latencyBoundsMs.map((bound) => Math.round(bound * 1_000))],
  },
  { match: { prefix: `${statsPrefix}.${measures.requestBytes}` }, buckets: sizeBounds },
  { match: { prefix: `${statsPrefix}.${measures.responseBytes}` }, buckets: sizeBounds },
] as const;
