import { atomicList, errorStatus, type OpenApiSchema } from "./openapi.ts";
import { type PolicyDefinition, targetReferences } from "./policy.ts";

const gatewayApi = "gateway.networking.k8s.io";
const headerName: OpenApiSchema = {
  type: "string",
  minLength: 1,
  maxLength: 256,
  pattern: "^[A-Za-z0-9!#$%&'*+\\-.^_|~`]+$",
  description: "The name of a header, in any case.",
};

const key: OpenApiSchema = {
  type: "object",
  required: ["type"],
  properties: {
    type: {
      type: "string",
      enum: ["Header", "Path", "Method", "SourceIdentity", "SourceNamespace"],
      description:
        "What distinguishes requests: the value of a header, the path without its query, the method, or who sends the request, by the identity (a ServiceAccount) or the namespace that its certificate proves.",
    },
    header: { ...headerName, description: "The name of the header; for the type Header alone." },
  },
  "x-kubernetes-validations": [
    {
      rule: "has(self.header) == (self.type == 'Header')",
      message: "header must be there for the type Header, and for no other",
    },
  ],
};

const match: OpenApiSchema = {
  type: "object",
  description: "Which requests are counted: those for which all of this holds. All requests by default.",
  properties: {
    methods: atomicList(
      "One of these methods. Any by default.",
      {
        type: "string",
        enum: ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"],
      },
      { minItems: 1, maxItems: 9 },
    ),
    path: {
      type: "object",
      description: "The path, without its query. Any by default.",
      required: ["value"],
      properties: {
        type: {
          type: "string",
          enum: ["Exact", "PathPrefix"],
          description: "PathPrefix, the default, takes whole elements: /a has /a/b, and not /ab.",
        },
        value: { type: "string", minLength: 1, maxLength: 1024, pattern: "^/" },
      },
    },
    headers: atomicList(
      "All of these headers. Any by default.",
      {
        type: "object",
        required: ["name", "value"],
        properties: {
          type: {
            type: "string",
            enum: ["Exact", "RegularExpression"],
            description: "Exact by default. A regular expression is of RE2, and takes the whole value.",
          },
          name: headerName,
          value: { type: "string", minLength: 1, maxLength: 4096 },
        },
      },
      { minItems: 1, maxItems: 16 },
    ),
  },
};

const count: OpenApiSchema = { type: "integer", format: "int32", minimum: 1, maximum: 2_147_483_647 };

const limit: OpenApiSchema = {
  type: "object",
  description: "So many requests in a time, by a token bucket.",
  required: ["requests", "unit"],
  properties: {
    requests: { ...count, description: "How many requests are let through in each unit of time." },
    unit: {
      type: "string",
      enum: ["Second", "Minute", "Hour", "Day"],
      description: "The unit of time.",
    },
    burst: {
      ...count,
      description:
        "The size of the bucket: how many requests at once, after a pause. As requests by default.",
    },
    key: atomicList(
      "Requests are counted apart for each value of these, taken together. Without it there is one count for all.",
      key,
      { minItems: 1, maxItems: 5 },
    ),
    match,
  },
};

const response: OpenApiSchema = {
  type: "object",
  description: "What a request above a limit is answered with.",
  properties: {
    status: errorStatus("The HTTP status. 429 by default."),
    headers: atomicList(
      "Headers of the answer.",
      {
        type: "object",
        required: ["name", "value"],
        properties: { name: headerName, value: { type: "string", maxLength: 4096 } },
      },
      { minItems: 1, maxItems: 8 },
    ),
  },
};

/** `RateLimit`: how many requests a service, a route or a gateway takes. */
export const rateLimitDefinition: PolicyDefinition = {
  kind: "RateLimit",
  singular: "ratelimit",
  plural: "ratelimits",
  description: "A RateLimit says how many requests in a time a Service, a route or a Gateway takes.",
  spec: {
    type: "object",
    required: ["targetRefs", "limits"],
    properties: {
      targetRefs: targetReferences("What is limited.", [
        { group: "", kind: "Service" },
        { group: gatewayApi, kind: "HTTPRoute" },
        { group: gatewayApi, kind: "GRPCRoute" },
        { group: gatewayApi, kind: "Gateway" },
        { group: "networking.istio.io", kind: "Gateway" },
      ]),
      limits: atomicList("A request must be within each limit that it matches.", limit, {
        minItems: 1,
        maxItems: 16,
      }),
      response,
    },
  },
};
