// Which filter chain a listener's matching tree chooses, as Envoy walks it.
import { anyUnpack, type StringValue, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { Listener } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import {
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  TransportProtocolInputSchema,
} from "@heddle/envoy-api/envoy/extensions/matching/common_inputs/network/v3/network_inputs";
import type { TypedExtensionConfig } from "@heddle/envoy-api/xds/core/v3/extension";
import { IPMatcherSchema } from "@heddle/envoy-api/xds/type/matcher/v3/ip";
import type { Matcher, Matcher_OnMatch } from "@heddle/envoy-api/xds/type/matcher/v3/matcher";

/** What a listener knows of a connection in plaintext. */
export interface Connection {
  readonly address: string;
  readonly port: number;
  /** Of the application, as far as an inspector has found any. */
  readonly protocols: readonly string[];
}

/** The name of the chosen chain; that of the default chain where the tree has no answer. */
export function chosenChain(listener: Listener, connection: Connection): string {
  const { filterChainMatcher, defaultFilterChain, filterChains } = listener;
  const name = filterChainMatcher === undefined ? undefined : walk(filterChainMatcher, connection);
  if (name === undefined) return defaultFilterChain?.name ?? "none";
  if (!filterChains.some((chain) => chain.name === name)) throw new Error(`there is no chain ${name}`);
  return name;
}

function walk(matcher: Matcher, connection: Connection): string | undefined {
  const tree = matcher.matcherType;
  if (tree.case !== "matcherTree") throw new Error(`a matcher that is not simulated: ${tree.case}`);
  const { input, treeType } = tree.value;
  const found =
    treeType.case === "exactMatchMap"
      ? treeType.value.map[valueOf(input, connection)]
      : byAddress(treeType.value, connection);
  const next = found ?? matcher.onNoMatch;
  return next === undefined ? undefined : follow(next, connection);
}

function follow({ onMatch }: Matcher_OnMatch, connection: Connection): string | undefined {
  if (onMatch.case === "matcher") return walk(onMatch.value, connection);
  const name: StringValue | undefined =
    onMatch.value?.typedConfig && anyUnpack(onMatch.value.typedConfig, StringValueSchema);
  return name?.value;
}

function valueOf(input: TypedExtensionConfig | undefined, connection: Connection): string {
  const typeUrl = input?.typedConfig?.typeUrl ?? "";
  if (typeUrl.endsWith(DestinationPortInputSchema.typeName)) return String(connection.port);
  if (typeUrl.endsWith(DestinationIPInputSchema.typeName)) return connection.address;
  if (typeUrl.endsWith(ApplicationProtocolInputSchema.typeName)) {
    return connection.protocols.map((protocol) => `'${protocol}'`).join(",");
  }
  if (typeUrl.endsWith(TransportProtocolInputSchema.typeName)) return "";
  throw new Error(`an input that is not simulated: ${typeUrl}`);
}

function byAddress(custom: unknown, { address }: Connection): Matcher_OnMatch | undefined {
  const { typedConfig } = custom as TypedExtensionConfig;
  const ranges = typedConfig && anyUnpack(typedConfig, IPMatcherSchema);
  if (ranges === undefined) throw new Error("a custom matcher that is not simulated");
  return ranges.rangeMatchers.find((candidate) =>
    candidate.ranges.some((range) => inRange(address, range.addressPrefix, range.prefixLen ?? 32)),
  )?.onMatch;
}

function inRange(address: string, prefix: string, length: number): boolean {
  const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - length);
  return Math.floor(number(address) / size) === Math.floor(number(prefix) / size);
}
