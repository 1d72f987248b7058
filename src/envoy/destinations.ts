// How routes tell where a request was going: to which address and port, outside of the mesh's ranges or not, with which
// Host.
import type { HeaderMatcherSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { FilterStateMatcherSchema } from "@heddle/envoy-api/envoy/type/matcher/v3/filter_state";
import { literally } from "#model/expression.ts";
import { filterState } from "./filter-state.ts";
import { authorityHeader } from "./filters/on-demand.ts";
import { cidrRange, type Init } from "./messages.ts";

/** What a connection must be for a route to take its requests. */
export type ConnectionMatcher = Init<typeof FilterStateMatcherSchema>;

// Short: all routes repeat it.
const destinationKey = "heddle.dst";
const addressKey = "heddle.ip";

/**
 * What the application dialled, as `address:port` and as an address, for routes to look at. A connection has it and not
 * each request: it is made once, and nobody can send it.
 */
export const destinationState = filterState(
  { key: destinationKey, factory: "envoy.string", format: "%DOWNSTREAM_LOCAL_ADDRESS%" },
  { key: addressKey, factory: "envoy.network.ip", format: "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%" },
);

/** Requests to `address:port`. */
export function toDestination(destination: string): ConnectionMatcher {
  return dialled({ case: "exact", value: destination });
}

/** Requests to a port. */
export function toPort(port: number): ConnectionMatcher {
  return dialled({ case: "suffix", value: `:${port}` });
}

function dialled(matchPattern: {
  readonly case: "exact" | "suffix";
  readonly value: string;
}): ConnectionMatcher {
  return { key: destinationKey, matcher: { case: "stringMatch", value: { matchPattern } } };
}

/** Requests that go to none of the ranges. */
export function outsideOf(ranges: readonly string[]): ConnectionMatcher {
  return {
    key: addressKey,
    matcher: { case: "addressMatch", value: { ranges: ranges.map(cidrRange), invertMatch: true } },
  };
}

/** Requests that have taken the way by destination, with this Host; none: any. */
export function byHost(host: string | undefined): readonly Init<typeof HeaderMatcherSchema>[] {
  if (host === undefined) return [];
  const name = host.startsWith("*.") ? `.+${literally(host.slice(1))}` : literally(host);
  return [
    {
      name: authorityHeader,
      headerMatchSpecifier: {
        case: "stringMatch",
        value: { matchPattern: { case: "safeRegex", value: { regex: `(?i)${name}(:\\d+)?` } } },
      },
    },
  ];
}
