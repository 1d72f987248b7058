// What the node asks about an application, answered by it through a cluster of its own.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { HealthCheckSchema } from "@heddle/envoy-api/envoy/config/core/v3/health_check";
import { duration, socketAddress } from "../messages.ts";
import { http2 } from "./cluster-protocols.ts";
import { fromProxy } from "./clusters.ts";

/** What a probe of the node is about. */
export type ProbeCheck =
  /** The request goes on to the application. */
  | { readonly kind: "http" }
  /** Envoy checks the application actively, and tells the node what it found. */
  | { readonly kind: "tcp" }
  | { readonly kind: "grpc"; readonly service: string };

/** The application for a probe of the node: a port at the pod's own address. */
export function probeCluster(name: string, address: string, port: number, check: ProbeCheck): Cluster {
  return create(ClusterSchema, {
    name,
    connectTimeout: duration(1_000),
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    upstreamBindConfig: fromProxy,
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            { hostIdentifier: { case: "endpoint", value: { address: socketAddress(address, port) } } },
          ],
        },
      ],
    },
    healthChecks: healthChecks(check),
    ...(check.kind === "grpc" ? { typedExtensionProtocolOptions: http2 } : {}),
  });
}

function healthChecks(check: ProbeCheck): MessageInitShape<typeof HealthCheckSchema>[] {
  if (check.kind === "http") return [];
  return [
    {
      timeout: duration(1_000),
      interval: duration(1_000),
      // Without traffic Envoy checks once a minute; the node counts failures, so one is enough here.
      noTrafficInterval: duration(1_000),
      noTrafficHealthyInterval: duration(1_000),
      unhealthyThreshold: 1,
      healthyThreshold: 1,
      healthChecker:
        check.kind === "tcp"
          ? { case: "tcpHealthCheck", value: {} }
          : {
              case: "grpcHealthCheck",
              // The default authority is the cluster's name, which servers may refuse.
              value: { serviceName: check.service, authority: "localhost" },
            },
    },
  ];
}
