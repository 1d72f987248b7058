// Limits → Envoy's local rate limit filter: each limit is a descriptor with a token bucket, and a wildcard in it has
// a bucket for each value that comes by.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  HeaderValueOption_HeaderAppendAction,
  type RuntimeFractionalPercentSchema,
} from "@heddle/envoy-api/envoy/config/core/v3/base";
import {
  RateLimit_Action_MetaData_Source,
  type RateLimit_ActionSchema,
  RateLimit_XRateLimitOption,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { LocalRateLimitSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit";
import type { LimitScope, RateLimitView } from "#compile/listener-views.ts";
import type { RouteScopes } from "#compile/views.ts";
import { largestCount } from "#model/counts.ts";
import type { RequestLimit } from "#model/limits.ts";
import type { HeaderValue } from "#model/route.ts";
import { requestMatchers } from "../matches/request-matches.ts";
import { duration, httpStatus, typedExtension } from "../messages.ts";
import { routeHeader } from "./on-demand.ts";
import type { PolicyFilter } from "./policies.ts";
import { keyAction } from "./rate-limit-keys.ts";

type Action = MessageInitShape<typeof RateLimit_ActionSchema>;

/** One part of a descriptor: what makes it, and the value that it must have; empty for any. */
interface Part {
  readonly action: Action;
  readonly key: string;
  readonly value: string;
}

/** Where the proxy learns which route a request takes. */
export interface ScopeSource {
  readonly partOf: (scope: LimitScope) => Part;
  /** Headers of every refusal. */
  readonly headers: readonly HeaderValue[];
}

const scopesKey = "heddle.scopes";

/** In a gateway: the route says it. */
export const byRouteMetadata: ScopeSource = {
  partOf: ({ kind, value }) => ({
    action: {
      actionSpecifier: {
        case: "metadata",
        value: {
          descriptorKey: kind,
          metadataKey: {
            key: scopesKey,
            path: [{ segment: { case: "key", value: kind } }],
          },
          source: RateLimit_Action_MetaData_Source.ROUTE_ENTRY,
        },
      },
    },
    key: kind,
    value,
  }),
  headers: [],
};

/** The metadata of a gateway's route. */
export function scopesMetadata(scopes: RouteScopes) {
  return { [scopesKey]: { ...scopes } };
}

/** At the server: the client's sidecar says it. Envoys that retry leave alone what has the header. */
export const byRouteHeader: ScopeSource = {
  partOf: ({ kind, value }) => ({
    action: {
      actionSpecifier: {
        case: "headerValueMatch",
        value: {
          descriptorKey: kind,
          descriptorValue: value,
          headers: [
            {
              name: routeHeader,
              headerMatchSpecifier: {
                case: "stringMatch",
                value: {
                  matchPattern:
                    kind === "rule" ? { case: "exact", value } : { case: "prefix", value: `${value}/` },
                },
              },
            },
          ],
        },
      },
    },
    key: kind,
    value,
  }),
  headers: [{ name: "x-envoy-ratelimited", value: "true" }],
};

const always: MessageInitShape<typeof RuntimeFractionalPercentSchema> = { defaultValue: { numerator: 100 } };

/** Values of keys of which counts are kept; of more, those that were not seen for the longest time start anew. */
const maximumValues = 10_000;

/** Of requests to which no limit applies: as many as they like. */
const unlimited = { maxTokens: largestCount, tokensPerFill: largestCount, fillInterval: duration(1_000) };

/** The filter of a policy for one scope. `source`: where the proxy learns which route a request takes. */
export function rateLimit(view: RateLimitView, source: ScopeSource): PolicyFilter {
  const descriptors = view.limits.map((limit, index) => partsOf(limit, index, view.scope, source));
  return typedExtension(nameOf(view), LocalRateLimitSchema, {
    statPrefix: "heddle",
    status: httpStatus(view.status),
    filterEnabled: always,
    filterEnforced: always,
    tokenBucket: unlimited,
    alwaysConsumeDefaultTokenBucket: false,
    maxDynamicDescriptors: maximumValues,
    rateLimits: descriptors.map((parts) => ({
      actions: parts.map(({ action }) => action),
      xRatelimitOption: RateLimit_XRateLimitOption.DRAFT_VERSION_03,
    })),
    descriptors: view.limits.map(({ requests, periodMs, burst }, index) => ({
      entries: (descriptors[index] ?? []).map(({ key, value }) => ({ key, value })),
      tokenBucket: { maxTokens: burst, tokensPerFill: requests, fillInterval: duration(periodMs) },
    })),
    enableRetryAfterHeader: true,
    rateLimitedAsResourceExhausted: true,
    responseHeadersToAdd: [...source.headers, ...view.headers].map(({ name, value }) => ({
      header: { key: name, value: value.replaceAll("%", "%%") },
      appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    })),
  });
}

function nameOf({ origin: { kind, namespace, name }, scope }: RateLimitView): string {
  return `${kind} ${namespace}/${name}${scope === undefined ? "" : ` for ${scope.value}`}`;
}

/** A part that is not made, as it does not match, unmakes the descriptor. */
function partsOf(
  { key, match }: RequestLimit,
  index: number,
  scope: LimitScope | undefined,
  source: ScopeSource,
): readonly Part[] {
  return [
    constant("limit", String(index)),
    ...(scope === undefined ? [] : [source.partOf(scope)]),
    ...(match === undefined ? [] : [matching(match)]),
    ...key.map((each, at): Part => ({ action: keyAction(each, `key${at}`), key: `key${at}`, value: "" })),
  ];
}

function constant(key: string, value: string): Part {
  return {
    action: {
      actionSpecifier: { case: "genericKey", value: { descriptorKey: key, descriptorValue: value } },
    },
    key,
    value,
  };
}

function matching(match: NonNullable<RequestLimit["match"]>): Part {
  return {
    action: {
      actionSpecifier: {
        case: "headerValueMatch",
        value: {
          descriptorKey: "match",
          descriptorValue: "true",
          headers: [...requestMatchers(match)],
        },
      },
    },
    key: "match",
    value: "true",
  };
}
