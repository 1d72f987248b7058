// Views of endpoints → Envoy's load assignments.
import { create } from "@bufbuild/protobuf";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { EndpointsView, EndpointView } from "#compile/views.ts";
import { endpointMetadataKey, joinEndpoint } from "#telemetry/measures.ts";
import { socketAddress } from "./messages.ts";
import { clusterName } from "./names.ts";

/** The endpoints of a cluster; Envoy learns here which of them it must reach by TLS. */
export function loadAssignment(view: EndpointsView): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: clusterName(view.reference),
    endpoints: [{ lbEndpoints: view.endpoints.map(lbEndpoint) }],
  });
}

function lbEndpoint(endpoint: EndpointView) {
  const { address, port, meshed, workload, namespace, app, version, weight } = endpoint;
  return {
    hostIdentifier: { case: "endpoint" as const, value: { address: socketAddress(address, port) } },
    ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
    metadata: {
      filterMetadata: {
        ...(meshed ? { "envoy.transport_socket_match": { meshed: "true" } } : {}),
        heddle: {
          [endpointMetadataKey]: joinEndpoint({ workload, workloadNamespace: namespace, app, version }),
        },
      },
    },
  };
}
