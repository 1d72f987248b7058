// How routes tell where a request was going: outside of the mesh's ranges or not, to which port, with which Host.
import type {
  HeaderMatcherSchema,
  RouteMatchSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { literally } from "#model/expression.ts";
import { authorityHeader, destinationHeader } from "./filters/on-demand.ts";
import { filterState } from "./listeners/filter-state.ts";
import { cidrRange, type Init } from "./messages.ts";

type HeaderMatcher = Init<typeof HeaderMatcherSchema>;

const destinationKey = "heddle.destination";

/** The address that the application dialled, as an address, for routes to look at. */
export const destinationState = filterState({
  key: destinationKey,
  factory: "envoy.network.ip",
  format: "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
});

/** Requests that go to none of the ranges. */
export function outsideOf(ranges: readonly string[]): Pick<Init<typeof RouteMatchSchema>, "filterState"> {
  return {
    filterState: [
      {
        key: destinationKey,
        matcher: { case: "addressMatch", value: { ranges: ranges.map(cidrRange), invertMatch: true } },
      },
    ],
  };
}

/** Requests to a port. */
export function toPort(port: number): HeaderMatcher {
  return {
    name: destinationHeader,
    headerMatchSpecifier: {
      case: "stringMatch",
      value: { matchPattern: { case: "suffix", value: `:${port}` } },
    },
  };
}

/** Requests that have taken the way by destination, with this Host; none: any. */
export function byHost(host: string | undefined): readonly HeaderMatcher[] {
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
