// What of a request decides to which endpoint of a consistently hashing cluster it goes.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RouteAction_HashPolicySchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { HashKey } from "#model/policy.ts";
import { duration } from "../messages.ts";

/** A key, as routes have it. */
export function hashPolicy(key: HashKey): MessageInitShape<typeof RouteAction_HashPolicySchema> {
  switch (key.kind) {
    case "header":
      return { policySpecifier: { case: "header", value: { headerName: key.name } } };
    case "queryParameter":
      return { policySpecifier: { case: "queryParameter", value: { name: key.name } } };
    case "sourceAddress":
      return { policySpecifier: { case: "connectionProperties", value: { sourceIp: true } } };
    case "cookie":
      return {
        policySpecifier: {
          case: "cookie",
          value: {
            name: key.name,
            ...(key.path === undefined ? {} : { path: key.path }),
            ...(key.ttlMs === undefined ? {} : { ttl: duration(key.ttlMs) }),
            attributes: (key.attributes ?? []).map(({ name, value }) => ({ name, value })),
          },
        },
      };
  }
}
