// What distinguishes requests that are counted apart → expressions that Envoy evaluates. Each has a value in any case:
// a request without one would otherwise be within every limit.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RateLimit_ActionSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { DescriptorSchema } from "@heddle/envoy-api/envoy/extensions/rate_limit_descriptors/expr/v3/expr";
import type { RequestKey } from "#model/limits.ts";
import { typedExtension } from "../messages.ts";
import { meshChains } from "../names.ts";

/** Certificates of other authorities, where a port ends TLS of a user's own, prove nothing in the mesh. */
const fromMesh = `connection.mtls && xds.filter_chain_name.contains(" ${meshChains} ")`;
const identity = "connection.uri_san_peer_certificate";

/** https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/advanced/attributes */
function expression(key: RequestKey): string {
  switch (key.kind) {
    case "header":
      return `"${key.name}" in request.headers ? request.headers["${key.name}"] : "-"`;
    case "path":
      return "request.url_path";
    case "method":
      return "request.method";
    case "sourceIdentity":
      return `${fromMesh} ? ${identity} : "-"`;
    case "sourceNamespace":
      return `${fromMesh} ? re.extract(${identity}, "spiffe://[^/]*/ns/([^/]*)/sa/.*", "\\\\1") : "-"`;
  }
}

/** Makes an entry of a descriptor of a request's own value. */
export function keyAction(
  key: RequestKey,
  descriptorKey: string,
): MessageInitShape<typeof RateLimit_ActionSchema> {
  return {
    actionSpecifier: {
      case: "extension",
      value: typedExtension("envoy.rate_limit_descriptors.expr", DescriptorSchema, {
        descriptorKey,
        exprSpecifier: { case: "text", value: expression(key) },
      }),
    },
  };
}
