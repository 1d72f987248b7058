import { durationPattern, errorStatus, type OpenApiSchema } from "./openapi.ts";
import { type PolicyDefinition, targetReferences } from "./policy.ts";

const concurrency: OpenApiSchema = {
  type: "integer",
  format: "int32",
  minimum: 1,
  maximum: 2_147_483_647,
};

/** `AdaptiveConcurrency`: a limit of requests at once, which proxies find by measuring latencies. */
export const adaptiveConcurrencyDefinition: PolicyDefinition = {
  kind: "AdaptiveConcurrency",
  singular: "adaptiveconcurrency",
  plural: "adaptiveconcurrencies",
  description:
    "An AdaptiveConcurrency protects the pods of a Service from overload: the proxy of each pod measures latencies, and lets through as many requests at once as do not make them grow.",
  spec: {
    type: "object",
    required: ["targetRefs"],
    properties: {
      targetRefs: targetReferences("The services whose pods are protected.", [
        { group: "", kind: "Service" },
      ]),
      minConcurrency: {
        ...concurrency,
        description: "So many requests at once are let through in any case. 3 by default.",
      },
      maxConcurrency: {
        ...concurrency,
        description: "More requests at once are never let through. 1000 by default.",
      },
      sampleWindow: {
        type: "string",
        pattern: durationPattern,
        description: "How long latencies are gathered before the limit changes. 100ms by default.",
      },
      latencyPercentile: {
        type: "integer",
        format: "int32",
        minimum: 1,
        maximum: 100,
        description: "The percentile of the gathered latencies that is looked at. 90 by default.",
      },
      response: {
        type: "object",
        description: "What a request above the limit is answered with.",
        properties: { status: errorStatus("The HTTP status. 503 by default.") },
      },
    },
    "x-kubernetes-validations": [
      {
        rule: "!has(self.minConcurrency) || !has(self.maxConcurrency) || self.minConcurrency <= self.maxConcurrency",
        message: "minConcurrency must not be above maxConcurrency",
      },
    ],
  },
};
