// Views of endpoints → Envoy's load assignments.
import { create } from "@bufbuild/protobuf";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { LocalityLbEndpointsSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint_components";
import type { EndpointsView, EndpointView, WeightedEndpointsView } from "#compile/views.ts";
import { endpointMetadataKey, joinEndpoint } from "#telemetry/measures.ts";
import { type Init, socketAddress } from "../messages.ts";
import { clusterName } from "../names.ts";

/** The endpoints of a cluster; Envoy learns here which of them it must not reach by TLS. */
export function loadAssignment(view: EndpointsView): ClusterLoadAssignment {
  const groups = new Map<string, EndpointView[]>();
  for (const endpoint of view.endpoints) {
    const key = `${endpoint.priority ?? 0} ${endpoint.locality ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), endpoint]);
  }
  const endpoints = [...groups.values()].map((group) => localityEndpoints(group, view.weights));
  return create(ClusterLoadAssignmentSchema, {
    clusterName: clusterName(view.reference),
    endpoints:
      endpoints.length === 0 ? [{}] : endpoints.sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0)),
  });
}

function localityEndpoints(
  endpoints: readonly EndpointView[],
  weights: EndpointsView["weights"],
): Init<typeof LocalityLbEndpointsSchema> {
  const { priority, locality } = endpoints[0] ?? {};
  return {
    ...(priority === undefined ? {} : { priority }),
    ...(locality === undefined
      ? {}
      : {
          locality: localityOf(locality),
          loadBalancingWeight: weights?.[priority ?? 0]?.[locality] ?? 0,
        }),
    lbEndpoints: endpoints.map((endpoint) => lbEndpoint(endpoint)),
  };
}

function localityOf(text: string) {
  const [region = "", zone = "", subZone = ""] = text.split("/");
  return { region, zone, subZone };
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

/** In the metadata by which a cluster chooses how an endpoint is reached; without it by TLS, where the cluster has any. */
export const reachedInPlaintext = { plaintext: "true" } as const;

function lbEndpoint(endpoint: EndpointView, share: Readonly<Record<string, string>> = {}) {
  const { address, port, meshed, workload, namespace, app, version, weight } = endpoint;
  // Said of the ones that are not in the mesh: where all are, which is the rule, no list needs to say anything.
  const socket = { ...(meshed ? {} : reachedInPlaintext), ...share };
  return {
    hostIdentifier: { case: "endpoint" as const, value: { address: socketAddress(address, port) } },
    ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
    metadata: {
      filterMetadata: {
        ...(Object.keys(socket).length === 0 ? {} : { "envoy.transport_socket_match": socket }),
        heddle: {
          [endpointMetadataKey]: joinEndpoint({ workload, workloadNamespace: namespace, app, version }),
        },
      },
    },
  };
}
