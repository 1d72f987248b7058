// Balancing by latency: the module of lb/ as a policy of a cluster, and as the upstream filter that measures for it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { DynamicModuleConfigSchema } from "@heddle/envoy-api/envoy/extensions/dynamic_modules/v3/dynamic_modules";
import { DynamicModuleFilterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/dynamic_modules/v3/dynamic_modules";
import { DynamicModulesLoadBalancerConfigSchema } from "@heddle/envoy-api/envoy/extensions/load_balancing_policies/dynamic_modules/v3/dynamic_modules";
import { balancerPath } from "#model/balancer.ts";
import { extension, pack, typedExtension } from "../messages.ts";

/** What the module is told, where it is not to do as it does by itself; see lb/src/settings.rs. */
export type BalancerSettings = Readonly<Partial<Record<BalancerSetting, number>>>;

type BalancerSetting =
  | "locality_weighted"
  | "overprovisioning"
  | "warm_up_ms"
  | "warm_up_aggression"
  | "warm_up_minimum_percent";

/** The part of a cluster that chooses endpoints. Envoy takes no weights of localities in `commonLbConfig` beside it. */
export function latencyAwarePolicy(
  settings: BalancerSettings = {},
): Pick<MessageInitShape<typeof ClusterSchema> & object, "loadBalancingPolicy"> {
  const value = Object.entries(settings)
    .map(([key, number]) => `${key}=${number}`)
    .join(",");
  return {
    loadBalancingPolicy: {
      policies: [
        {
          typedExtensionConfig: typedExtension("latency", DynamicModulesLoadBalancerConfigSchema, {
            dynamicModuleConfig,
            lbPolicyName: "latency",
            ...(value === "" ? {} : { lbPolicyConfig: pack(StringValueSchema, { value }) }),
          }),
        },
      ],
    },
  };
}

/** Measures each attempt; first among the upstream filters of a cluster. */
export function latencyFilter() {
  return extension("latency", DynamicModuleFilterSchema, {
    dynamicModuleConfig,
    filterName: "latency",
  });
}

const dynamicModuleConfig: MessageInitShape<typeof DynamicModuleConfigSchema> = {
  module: { specifier: { case: "local", value: { specifier: { case: "filename", value: balancerPath } } } },
  doNotClose: true,
};
