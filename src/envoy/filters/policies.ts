// Policies come and go as filters of a route configuration: an edit changes no listener, and closes no connection.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TypedExtensionConfigSchema } from "@heddle/envoy-api/envoy/config/core/v3/extension";
import {
  FilterChainConfigPerRouteSchema,
  FilterChainConfigSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/http/filter_chain/v3/filter_chain";
import { extension, pack } from "../messages.ts";

const name = "heddle.policies";

/** One filter of a policy. */
export type PolicyFilter = MessageInitShape<typeof TypedExtensionConfigSchema>;

/** The place of policies in a chain; without any it lets everything pass. */
export const policies = extension(name, FilterChainConfigSchema, {});

/** For the `typed_per_filter_config` of a route configuration: the filters that stand in that place, in order. */
export function applyPolicies(filters: readonly PolicyFilter[]) {
  return filters.length === 0
    ? {}
    : { [name]: pack(FilterChainConfigPerRouteSchema, { filterChain: { filters: [...filters] } }) };
}
