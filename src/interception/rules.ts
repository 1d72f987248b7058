/**
 * Which traffic of a pod goes through its proxy, as an nftables ruleset for the pod's network namespace. Proven on
 * the real kernel by test/local/interception.test.ts. UDP is not captured; IPv6 is refused, not leaked.
 */
import { healthPort, inboundPort, inboundSourceAddress, outboundPort, proxyUid } from "./addresses.ts";
import { type AddressRange, formatRange, mergeRanges } from "./ranges.ts";

/** What a pod wants captured. The meaning is that of Istio's `traffic.sidecar.istio.io/…` annotations. */
export interface Interception {
  readonly includeInboundPorts: readonly number[] | "all";
  readonly excludeInboundPorts: readonly number[];
  readonly includeOutboundRanges: readonly AddressRange[] | "all";
  readonly excludeOutboundRanges: readonly AddressRange[];
  /** Captured wherever they lead, also outside the included ranges. */
  readonly includeOutboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
}

export const interceptEverything: Interception = {
  includeInboundPorts: "all",
  excludeInboundPorts: [],
  includeOutboundRanges: "all",
  excludeOutboundRanges: [],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
};

/** The ruleset, for `nft RULESET` in the pod's namespace. Applying it again replaces it: init containers may restart. */
export function interceptionRules(interception: Interception): string {
  return [
    "table inet heddle",
    "delete table inet heddle",
    "table inet heddle {",
    ...chain("capture_inbound", undefined, captureInbound(interception)),
    ...chain("prerouting", "type nat hook prerouting priority dstnat;", [
      "meta nfproto ipv4 meta l4proto tcp jump capture_inbound",
    ]),
    ...chain("output", "type nat hook output priority -100;", captureOutbound(interception)),
    ...chain("refuse_inbound", "type filter hook input priority filter;", refuseInbound()),
    ...chain("refuse_outbound", "type filter hook output priority filter;", [
      // Resets pass, or those that refuse_inbound sends would be lost here.
      'oifname != "lo" meta nfproto ipv6 tcp flags & rst == 0 reject with tcp reset',
    ]),
    "}",
    "",
  ].join("\n");
}

/** For connections from outside, and from the proxy to the pod's own address. */
function captureInbound({ includeInboundPorts, excludeInboundPorts }: Interception): readonly string[] {
  const untouched = portSet([outboundPort, inboundPort, healthPort, ...excludeInboundPorts]);
  return [
    `tcp dport ${untouched} return`,
    ...(includeInboundPorts === "all"
      ? [`meta l4proto tcp redirect to :${inboundPort}`]
      : matching("tcp dport", portSet(includeInboundPorts), `redirect to :${inboundPort}`)),
  ];
}

function captureOutbound(interception: Interception): readonly string[] {
  const capture = `meta l4proto tcp redirect to :${outboundPort}`;
  const { includeOutboundRanges } = interception;
  return [
    "meta nfproto != ipv4 return",
    "meta l4proto != tcp return",
    // The proxy's own ports on the pod's own address: left as they are, refuse_inbound resets them.
    `oifname "lo" tcp dport ${portSet([outboundPort, inboundPort])} return`,
    `ip saddr ${inboundSourceAddress} oifname "lo" return`,
    // The proxy calls the pod that it is in: inbound rules hold for that, too.
    `oifname "lo" ip daddr != 127.0.0.0/8 meta skuid ${proxyUid} jump capture_inbound`,
    `meta skuid ${proxyUid} return`,
    "ip daddr 127.0.0.0/8 return",
    ...matching("tcp dport", portSet(interception.excludeOutboundPorts), "return"),
    ...matching("ip daddr", rangeSet(interception.excludeOutboundRanges), "return"),
    ...matching("tcp dport", portSet(interception.includeOutboundPorts), `redirect to :${outboundPort}`),
    ...(includeOutboundRanges === "all"
      ? [capture]
      : matching("ip daddr", rangeSet(includeOutboundRanges), capture)),
  ];
}

function refuseInbound(): readonly string[] {
  const captured = portSet([outboundPort, inboundPort]);
  return [
    // Packets that conntrack cannot place would reach the host's stack untranslated and be answered by a reset.
    "meta l4proto tcp ct state invalid drop",
    'iifname != "lo" meta nfproto ipv6 tcp flags & rst == 0 reject with tcp reset',
    // What was redirected may pass; who dials the proxy's ports themselves gets nothing.
    `tcp dport ${captured} ct status dnat accept`,
    `tcp dport ${captured} reject with tcp reset`,
  ];
}

function chain(name: string, hook: string | undefined, rules: readonly string[]): readonly string[] {
  const lines = hook === undefined ? rules : [`${hook} policy accept;`, ...rules];
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), "  }"];
}

/** No rule at all for an empty set, which nft refuses. */
function matching(field: string, set: string | undefined, verdict: string): readonly string[] {
  return set === undefined ? [] : [`${field} ${set} ${verdict}`];
}

function portSet(ports: readonly number[]): string | undefined {
  return ports.length === 0 ? undefined : `{ ${[...new Set(ports)].sort((a, b) => a - b).join(", ")} }`;
}

function rangeSet(ranges: readonly AddressRange[]): string | undefined {
  return ranges.length === 0 ? undefined : `{ ${mergeRanges(ranges).map(formatRange).join(", ")} }`;
}
