// Which filter chain of the outbound listener a connection gets, as one tree: chains themselves match by port first and
// never go back, so that each port would need chains of its own.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import {
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  ServerNameInputSchema,
  TransportProtocolInputSchema,
} from "@heddle/envoy-api/envoy/extensions/matching/common_inputs/network/v3/network_inputs";
import { ServerNameMatcherSchema } from "@heddle/envoy-api/xds/type/matcher/v3/domain";
import { IPMatcherSchema } from "@heddle/envoy-api/xds/type/matcher/v3/ip";
import type { Matcher_OnMatchSchema, MatcherSchema } from "@heddle/envoy-api/xds/type/matcher/v3/matcher";
import type { OutboundListenerView } from "#compile/listener-views.ts";
import { cidrRange, typedExtension } from "../messages.ts";
import { httpProtocols } from "./inspection.ts";

type Matcher = MessageInitShape<typeof MatcherSchema>;
type OnMatch = MessageInitShape<typeof Matcher_OnMatchSchema>;
type Input = ReturnType<typeof typedExtension>;

/** The names of the chains; what fits none of them is left to the listener's default chain. */
export const outboundChains = {
  /** No filter: the connection is closed. */
  itself: "itself",
  http: "http",
  tcp: "tcp",
  meshTls: "mesh tls",
  outsideTls: "outside tls",
} as const;

/**
 * TLS to a known name is told first. HTTP is what looks like it, and everything on ports that are declared HTTP, outside
 * of the mesh's ranges by hosts there and in plaintext: a client that connects ahead of its first request, or is merely
 * slow, has said nothing when the inspection ends. Taken for TCP its connection would be tied to one endpoint, and cut when that ends.
 * https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/advanced/matching/matching_api
 */
export function outboundMatching(view: OutboundListenerView, own: number): Matcher {
  const byProtocol = exactly(
    protocol,
    httpProtocols.map(quoted),
    outboundChains.http,
    matcher(byAddress(view.meshRanges, inMesh(view), outside(view))),
  );
  const byName = view.serverNames.length === 0 ? byProtocol : byServerName(view.serverNames, byProtocol);
  return exactly(port, [String(own)], outboundChains.itself, matcher(byName));
}

function inMesh({ httpPorts, serverNamePorts }: OutboundListenerView): OnMatch {
  const tcp = chain(outboundChains.tcp);
  const others =
    httpPorts.length === 0 ? tcp : matcher(exactly(port, httpPorts.map(String), outboundChains.http, tcp));
  if (serverNamePorts.length === 0) return others;
  const byTransport = exactly(transport, ["tls"], outboundChains.meshTls, others);
  return matcher(mapping(port, serverNamePorts.map(String), matcher(byTransport), others));
}

/** Undefined: the default chain. */
function outside(view: OutboundListenerView): OnMatch | undefined {
  const bytes = outsideBytes(view);
  if (view.outsideHttpPorts.length === 0) return bytes;
  const inPlaintext = exactly(port, view.outsideHttpPorts.map(String), outboundChains.http, bytes);
  // No connection goes to port 0, so that it is left to the default chain.
  const inTls = bytes ?? matcher(exactly(port, ["0"], outboundChains.itself));
  return matcher(mapping(transport, ["tls"], inTls, matcher(inPlaintext)));
}

/** What is refused is looked up, too: the answer is that there is nothing. */
function outsideBytes({ outsideTcpPorts, others }: OutboundListenerView): OnMatch | undefined {
  if (others === "refuse") return chain(outboundChains.tcp);
  return outsideTcpPorts.length === 0
    ? undefined
    : matcher(exactly(port, outsideTcpPorts.map(String), outboundChains.tcp));
}

function byServerName(names: readonly string[], others: Matcher): Matcher {
  return {
    matcherType: {
      case: "matcherTree",
      value: {
        input: serverName,
        treeType: {
          case: "customMatch",
          value: typedExtension("envoy.matching.custom_matchers.domain_matcher", ServerNameMatcherSchema, {
            domainMatchers: [{ domains: [...names], onMatch: chain(outboundChains.outsideTls) }],
          }),
        },
      },
    },
    onNoMatch: matcher(others),
  };
}

function byAddress(ranges: readonly string[], inside: OnMatch, others: OnMatch | undefined): Matcher {
  return {
    matcherType: {
      case: "matcherTree",
      value: {
        input: address,
        treeType: {
          case: "customMatch",
          value: typedExtension("envoy.matching.custom_matchers.ip_range_matcher", IPMatcherSchema, {
            rangeMatchers: [{ ranges: ranges.map(cidrRange), onMatch: inside }],
          }),
        },
      },
    },
    ...(others === undefined ? {} : { onNoMatch: others }),
  };
}

/** All of these values lead to one chain, and others on. */
function exactly(input: Input, values: readonly string[], to: string, others?: OnMatch): Matcher {
  return mapping(input, values, chain(to), others);
}

function mapping(input: Input, values: readonly string[], to: OnMatch, others?: OnMatch): Matcher {
  const map = Object.fromEntries(values.map((value) => [value, to]));
  return {
    matcherType: {
      case: "matcherTree",
      value: { input, treeType: { case: "exactMatchMap", value: { map } } },
    },
    ...(others === undefined ? {} : { onNoMatch: others }),
  };
}

const port = typedExtension("port", DestinationPortInputSchema, {});
const address = typedExtension("address", DestinationIPInputSchema, {});
const serverName = typedExtension("name", ServerNameInputSchema, {});
const transport = typedExtension("transport", TransportProtocolInputSchema, {});
const protocol = typedExtension("protocol", ApplicationProtocolInputSchema, {});

/** As the input writes the protocols that an inspector has found. */
function quoted(name: string): string {
  return `'${name}'`;
}

function chain(name: string): OnMatch {
  return { onMatch: { case: "action", value: typedExtension("chain", StringValueSchema, { value: name }) } };
}

function matcher(value: Matcher): OnMatch {
  return { onMatch: { case: "matcher", value } };
}
