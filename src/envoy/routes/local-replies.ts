// Answers that a proxy gives itself, made clear and, where it helps, safe to retry.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { HeaderValueOption_HeaderAppendAction } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { ExpressionFilterSchema } from "@heddle/envoy-api/envoy/extensions/access_loggers/filters/cel/v3/cel";
import type {
  LocalReplyConfigSchema,
  ResponseMapperSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { lookupTimeoutMs } from "../filters/on-demand.ts";
import { extension } from "../messages.ts";
import { blackHoleCluster, unprocessedHeader } from "../names.ts";

type LocalReplies = MessageInitShape<typeof LocalReplyConfigSchema>;
type Mapper = Exclude<MessageInitShape<typeof ResponseMapperSchema>, { $typeName: string }>;

/**
 * The only request that idles longer than the connection manager allows is one for which the control plane never said
 * what is at its destination.
 */
const unansweredLookup: Mapper = {
  filter: {
    filterSpecifier: { case: "responseFlagFilter", value: { flags: ["SI"] } },
  },
  statusCode: 503,
  bodyFormatOverride: text(
    `heddle: the control plane did not say within ${lookupTimeoutMs / 1000} s what is at %DOWNSTREAM_LOCAL_ADDRESS%`,
  ),
};

/**
 * Only what is not known and must not pass finds nothing at the cluster that leads nowhere: the share of a backend that
 * cannot be used has another answer before. Istio's status for it is 502.
 */
const refused: Mapper = {
  filter: {
    filterSpecifier: {
      case: "andFilter",
      value: {
        filters: [
          { filterSpecifier: { case: "responseFlagFilter", value: { flags: ["UH"] } } },
          {
            filterSpecifier: {
              case: "extensionFilter",
              value: extension("envoy.access_loggers.extension_filters.cel", ExpressionFilterSchema, {
                expression: `xds.cluster_name == "${blackHoleCluster}"`,
              }),
            },
          },
        ],
      },
    },
  },
  statusCode: 502,
  bodyFormatOverride: text(
    "heddle: nothing is known of %REQ(:AUTHORITY)% at %DOWNSTREAM_LOCAL_ADDRESS%, and outboundTrafficPolicy is REGISTRY_ONLY",
  ),
};

/** What a client's sidecar answers itself. */
export const outboundReplies: LocalReplies = { mappers: [unansweredLookup, refused] };

function text(line: string): Mapper["bodyFormatOverride"] {
  return {
    format: {
      case: "textFormatSource",
      value: { specifier: { case: "inlineString", value: `${line}\n` } },
    },
  };
}

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
