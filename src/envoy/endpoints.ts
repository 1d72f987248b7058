// Views of endpoints → Envoy's load assignments.
import { create } from "@bufbuild/protobuf";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { LocalityLbEndpointsSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint_components";
import type { EndpointsView, EndpointView } from "#compile/views.ts";
import { endpointMetadataKey, joinEndpoint } from "#telemetry/measures.ts";
import { type Init, socketAddress } from "./messages.ts";
import { clusterName } from "./names.ts";

/** The endpoints of a cluster; Envoy learns here which of them it must reach by TLS. */
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
      : { locality: localityOf(locality), loadBalancingWeight: weights?.[locality] ?? 0 }),
    lbEndpoints: endpoints.map(lbEndpoint),
  };
}

function localityOf(text: string) {
  const [region = "", zone = "", subZone = ""] = text.split("/");
  return { region, zone, subZone };
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
