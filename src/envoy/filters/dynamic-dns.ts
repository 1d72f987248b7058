// Hosts that are known only by a wildcard: looked up when a request names one.
import { Cluster_DnsLookupFamily } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { DnsCacheConfigSchema } from "@heddle/envoy-api/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache";
import {
  FilterConfigSchema,
  PerRouteConfigSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy";
import { type Init, pack, typedExtension } from "../messages.ts";
import { authorityHeader } from "./on-demand.ts";

const name = "envoy.filters.http.dynamic_forward_proxy";

/** The cache that the filter fills and clusters read: both must have the same. It forgets hosts that nobody uses. */
export function dnsCache(dnsLookupFamily: Cluster_DnsLookupFamily): Init<typeof DnsCacheConfigSchema> {
  return { name: "wildcards", dnsLookupFamily };
}

/**
 * Clusters look up the Host of a request themselves; this puts the Host where they look, for a route that has it do so.
 */
export const dynamicDns = typedExtension(name, FilterConfigSchema, {
  implementationSpecifier: {
    case: "dnsCacheConfig",
    value: dnsCache(Cluster_DnsLookupFamily.V4_ONLY),
  },
});

/** For requests that have taken the way by destination: their Host stands elsewhere. */
export const lookUpOriginalHost = {
  [name]: pack(PerRouteConfigSchema, {
    hostRewriteSpecifier: { case: "hostRewriteHeader", value: authorityHeader },
  }),
};
