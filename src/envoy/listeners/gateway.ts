// A gateway's listeners, one for each port: strangers come here, so nothing is on demand.
import { create } from "@bufbuild/protobuf";
import { TrafficDirection } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { HttpConnectionManager_ForwardClientCertDetails } from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { GatewayListenerView } from "#compile/listener-views.ts";
import { httpStats } from "#telemetry/access-log.ts";
import { gatewayHttpFilters } from "../filters/slots.ts";
import { adsSource, duration, socketAddress } from "../messages.ts";
import { clusterName, gatewayListenerName } from "../names.ts";
import { connectionManager } from "./http.ts";
import { tcpProxyToAny } from "./tcp.ts";

/** Who takes longer to send the headers of a request only means to hold a connection. */
const slowestHeadersMs = 20_000;

/** Plaintext on a port of the gateway: HTTP whose routes come by RDS, or TCP for a cluster of the port's own. */
export function gatewayListener({ kind, port }: Pick<GatewayListenerView, "kind" | "port">): Listener {
  return create(ListenerSchema, {
    name: gatewayListenerName(port),
    address: socketAddress("0.0.0.0", port),
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [{ filters: kind === "http" ? [http(port)] : tcp(port) }],
  });
}

function http(port: number) {
  return connectionManager({
    statPrefix: "gateway",
    routeSpecifier: {
      case: "rds",
      value: { configSource: adsSource(), routeConfigName: gatewayListenerName(port) },
    },
    // The client's address is the peer's own, and what strangers claim about themselves is dropped.
    useRemoteAddress: true,
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.SANITIZE,
    normalizePath: true,
    mergeSlashes: true,
    requestHeadersTimeout: duration(slowestHeadersMs),
    httpFilters: gatewayHttpFilters,
    accessLog: [...httpStats("source")],
  });
}

function tcp(port: number) {
  return tcpProxyToAny("gateway_tcp", clusterName({ kind: "gateway", port }));
}
