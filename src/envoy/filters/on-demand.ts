// Virtual hosts on demand, keyed by where a connection goes and not by the Host it sends.
import { FilterConfigSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { FilterChainConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/filter_chain/v3/filter_chain";
import { LuaSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/lua/v3/lua";
import { OnDemandSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/on_demand/v3/on_demand";
import { HeaderMutationSchema } from "@heddle/envoy-api/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation";
import { adsSource, duration, extension, pack, typedExtension } from "../messages.ts";

/** The Host as the client sent it, while the destination stands in its place. */
export const authorityHeader = "x-heddle-authority";
/** Present once the destination has been put in the place of the Host. */
export const missHeader = "x-heddle-miss";

/** The rule of the route that a request took, where limits are for it: the server's sidecar enforces them. */
export const routeHeader = "x-heddle-route";

/** What a request carries to its server's sidecar; the application must see none of it. */
export const helperHeaders: readonly string[] = [
  authorityHeader,
  missHeader,
  "x-envoy-original-host",
  routeHeader,
];

/** Longest wait for an answer about a destination: a little less than the five seconds that users are promised. */
export const lookupTimeoutMs = 4_500;

/** Takes away what a client must not send itself, before anything looks at the request. */
export const forgedHeaders = typedExtension(
  "envoy.http.early_header_mutation.header_mutation",
  HeaderMutationSchema,
  {
    mutations: [
      // Envoy would ask for a name that nobody can answer.
      missHeader,
      authorityHeader,
      // Nobody uses up what others are let through.
      routeHeader,
    ].map((value) => ({ action: { case: "remove" as const, value } })),
  },
);

/** Asks for what no route or cluster is there for yet. */
export const onDemand = typedExtension("envoy.filters.http.on_demand", OnDemandSchema, {
  odcds: { source: adsSource(), timeout: duration(lookupTimeoutMs) },
});

const wayFilter = "heddle.by_destination";

const putDestination = typedExtension("put", LuaSchema, {
  defaultSourceCode: {
    specifier: {
      case: "inlineString",
      value: `function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace("${authorityHeader}", headers:get(":authority"))
  headers:replace(":authority", handle:streamInfo():downstreamLocalAddress())
  headers:replace("${missHeader}", "1")
  handle:clearRouteCache()
end`,
    },
  },
});

/**
 * What a request passes whose Host is not known: its destination takes the place of the Host, the virtual host of that
 * is asked for, and then come the `filters`. A request with a known Host meets none of this.
 */
export function wayByDestination(filters: readonly ReturnType<typeof typedExtension>[]) {
  return {
    ...extension(wayFilter, FilterChainConfigSchema, {
      defaultFilterChain: { filters: [putDestination, onDemand, ...filters] },
    }),
    disabled: true,
  };
}

/** For the miss route. An empty configuration is mandatory, and leaves the filter as it is. */
export const takeWayByDestination = { [wayFilter]: pack(FilterConfigSchema, { config: {} }) };
