// Views of endpoints → Envoy's load assignments.
import { create } from "@bufbuild/protobuf";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { EndpointsView, EndpointView, WeightedEndpointsView } from "#compile/views.ts";
import { endpointMetadataKey, joinEndpoint } from "#telemetry/measures.ts";
import { socketAddress } from "./messages.ts";
import { clusterName } from "./names.ts";

/** The endpoints of a cluster; Envoy learns here which of them it must reach by TLS. */
export function loadAssignment(view: EndpointsView): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: clusterName(view.reference),
    endpoints: [{ lbEndpoints: view.endpoints.map((endpoint) => lbEndpoint(endpoint)) }],
  });
}

/** The same for several destinations of connections, each a locality with its share. */
export function weightedLoadAssignment({ reference, parts }: WeightedEndpointsView): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: clusterName(reference),
    endpoints: parts.map(({ cluster, weight, endpoints }, index) => ({
      // Localities are told apart by their names alone.
      locality: { subZone: cluster === undefined ? "refused" : `${index} ${clusterName(cluster)}` },
      loadBalancingWeight: weight,
      lbEndpoints:
        cluster === undefined
          ? [refusing]
          : endpoints.map((endpoint) => lbEndpoint(endpoint, { destination: clusterName(cluster) })),
    })),
  });
}

/** No socket is there, so that each connection fails at once. A locality without endpoints would have no share. */
const refusing = {
  hostIdentifier: {
    case: "endpoint" as const,
    value: { address: { address: { case: "pipe" as const, value: { path: "/dev/null/refused" } } } },
  },
};

function lbEndpoint(endpoint: EndpointView, match: Readonly<Record<string, string>> = {}) {
  const { address, port, meshed, workload, namespace, app, version, weight } = endpoint;
  return {
    hostIdentifier: { case: "endpoint" as const, value: { address: socketAddress(address, port) } },
    ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
    metadata: {
      filterMetadata: {
        ...(meshed ? { "envoy.transport_socket_match": { meshed: "true", ...match } } : {}),
        heddle: {
          [endpointMetadataKey]: joinEndpoint({ workload, workloadNamespace: namespace, app, version }),
        },
      },
    },
  };
}
