// What a listener learns of a connection before it chooses a filter chain.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from "@heddle/envoy-api/envoy/config/listener/v3/listener_components";
import { HttpInspectorSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector";
import { OriginalDstSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst";
import { TlsInspectorSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector";
import { isHttp, type PortProtocol } from "#model/service.ts";
import { duration, extension, type Init } from "../messages.ts";

type ListenerFilter = Init<typeof ListenerFilterSchema>;

/** Where the connection was going before it was redirected. */
export const originalDestination: ListenerFilter = extension(
  "envoy.filters.listener.original_dst",
  OriginalDstSchema,
  {},
);

/** TLS, and the ALPN that the client offers. */
export const tlsInspector: ListenerFilter = extension(
  "envoy.filters.listener.tls_inspector",
  TlsInspectorSchema,
  {},
);

/** TLS, but for ports where it is known that nothing is to be learned: their servers may speak first. */
export function tlsInspectorExcept(tcpPorts: readonly number[]): ListenerFilter {
  return { ...tlsInspector, ...exceptOn(tcpPorts) };
}

/** HTTP or not, by the first bytes; not on ports where it is known, for their servers may speak first. */
export function httpInspector(tcpPorts: readonly number[]): ListenerFilter {
  return {
    ...extension("envoy.filters.listener.http_inspector", HttpInspectorSchema, {}),
    ...exceptOn(tcpPorts),
  };
}

function exceptOn(ports: readonly number[]): Pick<ListenerFilter, "filterDisabled"> {
  const ranges = portRanges(ports);
  return ranges.length === 0 ? {} : { filterDisabled: anyOf(ranges) };
}

/** What inspectors find in plaintext HTTP. */
export const httpProtocols = ["http/1.0", "http/1.1", "h2c"];

/** A server that speaks first on a port of which nothing is known waits this long, once per connection. */
export const inspectionTimeout = inspectedWithin(100);

/**
 * For what comes to a pod with ports of these protocols. A sidecar speaks first, but one that is starved may do so late:
 * what has not spoken within this time is taken for plaintext, and a handshake after it fails. So there is more time
 * where servers do not speak first; elsewhere clients without a sidecar would wait for them as long.
 */
export function inboundInspectionTimeout(protocols: readonly PortProtocol[]) {
  return protocols.length > 0 && protocols.every(isHttp) ? inspectedWithin(1_000) : inspectionTimeout;
}

function inspectedWithin(milliseconds: number) {
  return { listenerFiltersTimeout: duration(milliseconds), continueOnListenerFiltersTimeout: true };
}

interface PortRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

function portRanges(ports: readonly number[]): readonly PortRange[] {
  const ranges: PortRange[] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.end === port) ranges[ranges.length - 1] = { start: last.start, end: port + 1 };
    else ranges.push({ start: port, end: port + 1 });
  }
  return ranges;
}

function anyOf(
  ranges: readonly PortRange[],
): MessageInitShape<typeof ListenerFilterChainMatchPredicateSchema> {
  const rules = ranges.map((range) => ({
    rule: { case: "destinationPortRange" as const, value: range },
  }));
  const [only] = rules;
  // A set of one rule is refused.
  return rules.length === 1 && only !== undefined ? only : { rule: { case: "orMatch", value: { rules } } };
}
