// Clusters whose endpoints Envoy finds by DNS itself.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
  type ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { DnsLookupFamily } from "@heddle/envoy-api/envoy/extensions/clusters/common/dns/v3/dns";
import { DnsClusterSchema } from "@heddle/envoy-api/envoy/extensions/clusters/dns/v3/dns_cluster";
import { ClusterConfigSchema } from "@heddle/envoy-api/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster";
import type { ClusterEndpoints, ClusterReference } from "#compile/views.ts";
import { dnsCache } from "../filters/dynamic-dns.ts";
import { duration, type Init, pack } from "../messages.ts";
import { loadAssignment } from "./endpoints.ts";

type Discovery = Pick<
  Init<typeof ClusterSchema>,
  "clusterDiscoveryType" | "loadAssignment" | "lbPolicy" | "commonLbConfig"
>;

/** All answers are endpoints, or the first is the one endpoint; asked again when the answer has had its time. */
export function dnsDiscovery(
  reference: ClusterReference,
  { answers, endpoints }: Extract<ClusterEndpoints, { kind: "dns" }>,
): Discovery {
  const asked = answers === "first" ? endpoints.slice(0, 1) : endpoints;
  return {
    clusterDiscoveryType: clusterType("envoy.clusters.dns", {
      typedConfig: pack(DnsClusterSchema, {
        dnsRefreshRate: duration(60_000),
        // A name that could not be found is no answer that has a time.
        dnsFailureRefreshRate: { baseInterval: duration(1_000), maxInterval: duration(10_000) },
        respectDnsTtl: true,
        dnsLookupFamily: DnsLookupFamily.V4_ONLY,
        allAddressesInSingleEndpoint: answers === "first",
      }),
    }),
    loadAssignment: loadAssignment({ reference, endpoints: asked, origins: [] }),
  };
}

/** The host that the request names; see the filter of the same name. */
export const dnsOfRequestDiscovery: Discovery = {
  clusterDiscoveryType: clusterType("envoy.clusters.dynamic_forward_proxy", {
    typedConfig: pack(ClusterConfigSchema, {
      clusterImplementationSpecifier: {
        case: "dnsCacheConfig",
        value: dnsCache(Cluster_DnsLookupFamily.V4_ONLY),
      },
      // Without TLS there is no server's name to check.
      allowInsecureClusterOptions: true,
    }),
  }),
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
};

function clusterType(
  name: string,
  { typedConfig }: { readonly typedConfig: ReturnType<typeof pack> },
): MessageInitShape<typeof ClusterSchema>["clusterDiscoveryType"] & object {
  return { case: "clusterType", value: { name, typedConfig } };
}
