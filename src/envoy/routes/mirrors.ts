// Where copies of requests go → Envoy's shadowing.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RouteAction_RequestMirrorPolicySchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { MirroredCluster } from "#compile/views.ts";
import { fraction } from "../messages.ts";
import { clusterName } from "../names.ts";

/** Envoy waits for no answer to a copy. The Host stays: a copy that is told by another one is no copy. */
export function mirrorPolicy({
  cluster,
  percentage,
}: MirroredCluster): MessageInitShape<typeof RouteAction_RequestMirrorPolicySchema> {
  return {
    cluster: clusterName(cluster),
    runtimeFraction: { defaultValue: fraction(percentage) },
    disableShadowHostSuffixAppend: true,
  };
}
