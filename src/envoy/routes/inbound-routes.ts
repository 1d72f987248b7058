// What a sidecar does with the requests to a port of its pod: the policies, then the application.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RouteConfigurationSchema } from "@heddle/envoy-api/envoy/config/route/v3/route";
import type { InboundRoutesView } from "#compile/listener-views.ts";
import { adaptiveConcurrency } from "../filters/adaptive-concurrency.ts";
import { helperHeaders } from "../filters/on-demand.ts";
import { applyPolicies } from "../filters/policies.ts";
import { byRouteHeader, rateLimit } from "../filters/rate-limit.ts";
import { duration } from "../messages.ts";
import { inboundClusterName, unprocessedHeader } from "../names.ts";

/**
 * What applications may take for the header that tells who the client is, for many make underscores of all hyphens
 * (https://www.rfc-editor.org/rfc/rfc3875#section-4.1.18). Envoy sets that one itself, and lets these pass.
 */
const lookalikes: readonly string[] = ["-", "_"]
  .flatMap((first) => ["-", "_"].flatMap((second) => ["-", "_"].map((third) => [first, second, third])))
  .map(([first, second, third]) => `x${first}forwarded${second}client${third}cert`)
  .filter((name) => name.includes("_"));

/** The route configuration of a port. */
export function inboundRoutes({
  port,
  rateLimits,
  concurrency,
}: InboundRoutesView): MessageInitShape<typeof RouteConfigurationSchema> {
  const name = inboundClusterName(port);
  return {
    name,
    validateClusters: false,
    // What a client's sidecar needed on the way; the application must not see it.
    requestHeadersToRemove: [...helperHeaders, ...lookalikes],
    // Only this proxy knows that its application never saw a request.
    responseHeadersToRemove: [unprocessedHeader],
    virtualHosts: [
      {
        name,
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "/" } },
            action: {
              case: "route",
              value: { clusterSpecifier: { case: "cluster", value: name }, timeout: duration(0) },
            },
          },
        ],
      },
    ],
    typedPerFilterConfig: applyPolicies([
      ...rateLimits.map((each) => rateLimit(each, byRouteHeader)),
      // After the limits: what they refuse is no sample of the application's latency.
      ...(concurrency === undefined ? [] : adaptiveConcurrency(concurrency)),
    ]),
  };
}
