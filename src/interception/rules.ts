/**
 * Which traffic of a pod goes through its proxy, as an nftables ruleset for the pod's network namespace. Proven on
 * the real kernel by test/local/interception.test.ts. UDP is not captured; IPv6 is refused, not leaked.
 */
import { healthPort, inboundPort, inboundSourceAddress, outboundPort, proxyUid } from "./addresses.ts";

/** What a pod wants captured. The meaning is that of Istio's `traffic.sidecar.istio.io/…` annotations. */
export interface Interception {
  readonly includeInboundPorts: readonly number[] | "all";
  readonly excludeInboundPorts: readonly number[];
  /** Ranges of IPv4 addresses, or single ones, as users write them: nft masks them itself. */
  readonly includeOutboundRanges: readonly string[] | "all";
  readonly excludeOutboundRanges: readonly string[];
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

/** One rule for each value of a list: sets would have to be sorted and free of overlaps. */
export interface RuleForEach {
  readonly list: keyof Interception;
  readonly before: string;
  readonly after: string;
  /** The one rule where the list is `all`. */
  readonly all?: string;
}

/** A line of a ruleset, or one for each value that a pod names. */
export type RuleLine = string | RuleForEach;

/** The ruleset, for `nft RULESET` in the pod's namespace. Applying it again replaces it: init containers may restart. */
export function interceptionRules(interception: Interception): string {
  return interceptionTemplate.flatMap((line) => linesOf(line, interception)).join("");
}

/** For connections from outside, and from the proxy to the pod's own address. */
const captureInbound: readonly RuleLine[] = [
  // What comes by a cable and claims to be for loopback the kernel drops, unless it were redirected.
  "ip daddr 127.0.0.0/8 return",
  `tcp dport ${portSet([outboundPort, inboundPort, healthPort])} return`,
  forEach("tcp dport", "excludeInboundPorts", "return"),
  forEach(
    "tcp dport",
    "includeInboundPorts",
    `redirect to :${inboundPort}`,
    `meta l4proto tcp redirect to :${inboundPort}`,
  ),
];

const captureOutbound: readonly RuleLine[] = [
  "meta nfproto != ipv4 return",
  "meta l4proto != tcp return",
  // The proxy's own ports on the pod's own address: left as they are, refuse_inbound resets them.
  `oifname "lo" tcp dport ${portSet([outboundPort, inboundPort])} return`,
  `ip saddr ${inboundSourceAddress} oifname "lo" return`,
  // The proxy calls the pod that it is in: inbound rules hold for that, too.
  `oifname "lo" ip daddr != 127.0.0.0/8 meta skuid ${proxyUid} jump capture_inbound`,
  `meta skuid ${proxyUid} return`,
  "ip daddr 127.0.0.0/8 return",
  forEach("tcp dport", "excludeOutboundPorts", "return"),
  forEach("ip daddr", "excludeOutboundRanges", "return"),
  forEach("tcp dport", "includeOutboundPorts", `redirect to :${outboundPort}`),
  forEach(
    "ip daddr",
    "includeOutboundRanges",
    `meta l4proto tcp redirect to :${outboundPort}`,
    `meta l4proto tcp redirect to :${outboundPort}`,
  ),
];

const refuseInbound: readonly RuleLine[] = [
  // Packets that conntrack cannot place would reach the host's stack untranslated and be answered by a reset.
  "meta l4proto tcp ct state invalid drop",
  'iifname != "lo" meta nfproto ipv6 tcp flags & rst == 0 reject with tcp reset',
  // What was redirected may pass; who dials the proxy's ports themselves gets nothing.
  `tcp dport ${portSet([outboundPort, inboundPort])} ct status dnat accept`,
  `tcp dport ${portSet([outboundPort, inboundPort])} reject with tcp reset`,
];

/** Every ruleset, before a pod's wishes are put in; each line ends with a line break. */
export const interceptionTemplate: readonly RuleLine[] = [
  "table inet heddle\n",
  "delete table inet heddle\n",
  "table inet heddle {\n",
  ...chain("capture_inbound", captureInbound),
  ...chain("prerouting", [
    "type nat hook prerouting priority dstnat; policy accept;",
    // Only connections that begin: the proxy's own to the control plane may be older than the rules.
    "meta nfproto ipv4 tcp flags & (syn | ack) == syn jump capture_inbound",
  ]),
  ...chain("output", ["type nat hook output priority -100; policy accept;", ...captureOutbound]),
  ...chain("refuse_inbound", ["type filter hook input priority filter; policy accept;", ...refuseInbound]),
  ...chain("refuse_outbound", [
    "type filter hook output priority filter; policy accept;",
    // Resets pass, or those that refuse_inbound sends would be lost here.
    'oifname != "lo" meta nfproto ipv6 tcp flags & rst == 0 reject with tcp reset',
  ]),
  "}\n",
];

function linesOf(line: RuleLine, interception: Interception): readonly string[] {
  if (typeof line === "string") return [line];
  const values = interception[line.list];
  if (values === "all") return line.all === undefined ? [] : [line.all];
  return values.map((value) => line.before + String(value) + line.after);
}

function forEach(field: string, list: keyof Interception, verdict: string, all?: string): RuleForEach {
  return { list, before: `${field} `, after: ` ${verdict}`, ...(all !== undefined && { all }) };
}

function chain(name: string, lines: readonly RuleLine[]): readonly RuleLine[] {
  const indented = lines.map((line): RuleLine => {
    if (typeof line === "string") return `    ${line}\n`;
    const { all } = line;
    return {
      ...line,
      before: `    ${line.before}`,
      after: `${line.after}\n`,
      ...(all !== undefined && { all: `    ${all}\n` }),
    };
  });
  return [`  chain ${name} {\n`, ...indented, "  }\n"];
}

function portSet(ports: readonly number[]): string {
  return `{ ${ports.join(", ")} }`;
}
