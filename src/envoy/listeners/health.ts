// The node's questions about a pod: is the proxy configured, is the application well.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TrafficDirection } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type { RouteSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { HealthCheckSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/health_check/v3/health_check";
import { RouterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/router/v3/router";
import type { HealthListenerView, ProbeView } from "#compile/listener-views.ts";
import { probeCluster } from "../clusters/probe-clusters.ts";
import { duration, extension, socketAddress } from "../messages.ts";
import { healthListenerName, probeClusterName } from "../names.ts";
import { connectionManager } from "./http.ts";

export const healthPort = 15_021;

type Route = MessageInitShape<typeof RouteSchema>;

/**
 * `/ready` answers once this listener is there, and it comes by LDS: ready means configured. The probes that the
 * injector has rewritten are answered under their own paths, by the application or by what Envoy checked of it.
 */
export function healthListener(probes: readonly ProbeView[]): Listener {
  return create(ListenerSchema, {
    name: healthListenerName,
    address: socketAddress("0.0.0.0", healthPort),
    trafficDirection: TrafficDirection.INBOUND,
    filterChains: [
      {
        filters: [
          connectionManager({
            statPrefix: "health",
            routeSpecifier: {
              case: "routeConfig",
              value: {
                name: "health",
                validateClusters: false,
                virtualHosts: [
                  { name: "health", domains: ["*"], routes: [ready, ...probes.flatMap(probeRoute)] },
                ],
              },
            },
            httpFilters: [
              ...probes.flatMap(healthCheck),
              extension("envoy.filters.http.router", RouterSchema, {}),
            ],
          }),
        ],
      },
    ],
  });
}

/** The clusters that the probes of a pod need. */
export function probeClusters(view: HealthListenerView) {
  return view.probes.map((probe) => probeCluster(probeClusterName(probe), view.address, probe.port, probe));
}

const ready: Route = {
  match: { pathSpecifier: { case: "path", value: "/ready" } },
  action: { case: "directResponse", value: { status: 200 } },
};

function probeRoute(probe: ProbeView): readonly Route[] {
  if (probe.kind !== "http") return [];
  return [
    {
      match: { pathSpecifier: { case: "path", value: probe.path } },
      action: {
        case: "route",
        value: {
          clusterSpecifier: { case: "cluster", value: probeClusterName(probe) },
          prefixRewrite: probe.applicationPath,
          timeout: duration(0),
        },
      },
    },
  ];
}

/** Answers from what the active check of the cluster found. */
function healthCheck(probe: ProbeView) {
  if (probe.kind === "http") return [];
  return [
    extension("envoy.filters.http.health_check", HealthCheckSchema, {
      passThroughMode: false,
      headers: [
        {
          name: ":path",
          headerMatchSpecifier: {
            case: "stringMatch",
            value: { matchPattern: { case: "exact", value: probe.path } },
          },
        },
      ],
      clusterMinHealthyPercentages: { [probeClusterName(probe)]: { value: 100 } },
    }),
  ];
}
