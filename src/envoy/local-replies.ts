// Answers that a proxy gives itself, made clear and, where it helps, safe to retry.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { HeaderValueOption_HeaderAppendAction } from "@heddle/envoy-api/envoy/config/core/v3/base";
import type { LocalReplyConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { destinationHeader, lookupTimeoutMs } from "./filters/on-demand.ts";
import { unprocessedHeader } from "./retries.ts";

type LocalReplies = MessageInitShape<typeof LocalReplyConfigSchema>;

/**
 * The only request that idles longer than the connection manager allows is one for which the control plane never said
 * what is at its destination.
 */
export const unansweredLookup: LocalReplies = {
  mappers: [
    {
      filter: {
        filterSpecifier: { case: "responseFlagFilter", value: { flags: ["SI"] } },
      },
      statusCode: 503,
      bodyFormatOverride: {
        format: {
          case: "textFormatSource",
          value: {
            specifier: {
              case: "inlineString",
              value: `heddle: the control plane did not say within ${lookupTimeoutMs / 1000} s what is at %REQ(${destinationHeader})%\n`,
            },
          },
        },
      },
    },
  ],
};

/** The application was never reached: a client's sidecar may send the request again. */
export const unprocessed: LocalReplies = {
  mappers: [
    {
      filter: {
        filterSpecifier: { case: "responseFlagFilter", value: { flags: ["UF", "UH", "UO", "NC"] } },
      },
      headersToAdd: [
        {
          header: { key: unprocessedHeader, value: "1" },
          appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
        },
      ],
    },
  ],
};
