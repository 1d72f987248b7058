// Which filter chain of the outbound listener a connection gets, as one tree: chains themselves match by port first and
// never go back, so that each port would need chains of its own.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import {
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
} from "@heddle/envoy-api/envoy/extensions/matching/common_inputs/network/v3/network_inputs";
import { IPMatcherSchema } from "@heddle/envoy-api/xds/type/matcher/v3/ip";
import type { Matcher_OnMatchSchema, MatcherSchema } from "@heddle/envoy-api/xds/type/matcher/v3/matcher";
import type { OutboundListenerView } from "#compile/views.ts";
import { typedExtension } from "../messages.ts";
import { httpProtocols } from "./inspection.ts";

type Matcher = MessageInitShape<typeof MatcherSchema>;
type OnMatch = MessageInitShape<typeof Matcher_OnMatchSchema>;
type Input = ReturnType<typeof typedExtension>;

/** The names of the chains; what fits none of them is left to the listener's default chain. */
export const outboundChains = {
  /** No filter: the connection is closed. */
  itself: "itself",
  meshHttp: "mesh http",
  meshTcp: "mesh tcp",
  outsideHttp: "outside http",
} as const;

/**
 * Inside the mesh's ranges HTTP is what looks like it, and everything on ports that are declared HTTP: a client that
 * connects ahead of its first request, or is merely slow, has said nothing when the inspection ends. Taken for TCP its
 * connection would be tied to one endpoint, and cut when that ends.
 * https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/advanced/matching/matching_api
 */
export function outboundMatching({ meshRanges, httpPorts }: OutboundListenerView, own: number): Matcher {
  const byProtocol = exactly(
    protocol,
    httpProtocols.map(quoted),
    outboundChains.meshHttp,
    chain(outboundChains.meshTcp),
  );
  const inMesh =
    httpPorts.length === 0
      ? byProtocol
      : exactly(port, httpPorts.map(String), outboundChains.meshHttp, matcher(byProtocol));
  return exactly(port, [String(own)], outboundChains.itself, matcher(byAddress(meshRanges, inMesh)));
}

function byAddress(ranges: readonly string[], inMesh: Matcher): Matcher {
  return {
    matcherType: {
      case: "matcherTree",
      value: {
        input: address,
        treeType: {
          case: "customMatch",
          value: typedExtension("envoy.matching.custom_matchers.ip_range_matcher", IPMatcherSchema, {
            rangeMatchers: [{ ranges: ranges.map(cidrRange), onMatch: matcher(inMesh) }],
          }),
        },
      },
    },
    onNoMatch: matcher(exactly(protocol, httpProtocols.map(quoted), outboundChains.outsideHttp)),
  };
}

/** All of these values lead to one chain, and others on. */
function exactly(input: Input, values: readonly string[], to: string, others?: OnMatch): Matcher {
  const map = Object.fromEntries(values.map((value) => [value, chain(to)]));
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

function cidrRange(range: string) {
  const [addressPrefix = "", length = "32"] = range.split("/");
  return { addressPrefix, prefixLen: Number(length) };
}
