// The Host as the client sent it, where an answer repeats it.
import { HeaderValueOption_HeaderAppendAction } from "@heddle/envoy-api/envoy/config/core/v3/base";
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation";
import { extension, pack } from "../messages.ts";
import { authorityHeader } from "./on-demand.ts";

const name = "envoy.filters.http.header_mutation";

/** Neutral in the chain: a filter that is only switched on per route is skipped on a first request. */
export const originalHost = extension(name, HeaderMutationSchema, {});

/** For redirects: takes the Host back from where the way by destination has put it, and does nothing without. */
export const restoreHost = {
  [name]: pack(HeaderMutationPerRouteSchema, {
    mutations: {
      requestMutations: [
        {
          action: {
            case: "append",
            value: {
              header: { key: ":authority", value: `%REQ(${authorityHeader})%` },
              appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS,
            },
          },
        },
      ],
    },
  }),
};
