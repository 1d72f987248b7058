// Views → encoded resources: each pairs a name, a message and what the message refers to.
import { create } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@heddle/envoy-api/envoy/config/route/v3/route";
import { VirtualHostSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type {
  EgressListenerView,
  GatewayHttpView,
  GatewayListenerView,
  HealthListenerView,
  InboundListenerView,
  InboundPortView,
  InboundRoutesView,
  IngressListenerView,
  OutboundListenerView,
  OutsideRoutesView,
  ProbeView,
} from "#compile/listener-views.ts";
import type {
  ClusterReference,
  ClusterView,
  EndpointsView,
  RouteView,
  VirtualHostView,
  WeightedEndpointsView,
} from "#compile/views.ts";
import type { Reference, Resource, ResourceName } from "#xds/provider.ts";
import { clusterType, endpointsType, listenerType } from "#xds/type-urls.ts";
import {
  blackHole,
  inboundCluster,
  outboundCluster,
  passthrough,
  relayedCluster,
} from "./clusters/clusters.ts";
import { loadAssignment, weightedLoadAssignment } from "./clusters/endpoints.ts";
import { encodeAbsence, encodeResource } from "./encode.ts";
import { egressListener } from "./listeners/egress.ts";
import { gatewayListener } from "./listeners/gateway.ts";
import { healthListener, probeClusters } from "./listeners/health.ts";
import { inboundListener, ingressListener } from "./listeners/inbound.ts";
import { outboundListener } from "./listeners/outbound.ts";
import {
  clusterName,
  healthListenerName,
  inboundListenerName,
  outboundListenerName,
  type Relay,
  relayedClusterName,
  relayName,
} from "./names.ts";
import { relayingCluster, relayListener, relayOf } from "./relays.ts";
import { inboundRoutes } from "./routes/inbound-routes.ts";
import { egressRoutes, gatewayRoutes, outboundRoutes, virtualHost } from "./routes/routes.ts";

/** The views of which many proxies have the same one. */
export type SharedView =
  | { readonly kind: "outboundListener"; readonly view: OutboundListenerView }
  | { readonly kind: "outboundRoutes"; readonly view: OutsideRoutesView }
  | { readonly kind: "virtualHost"; readonly view: VirtualHostView }
  | { readonly kind: "outboundCluster"; readonly view: ClusterView }
  /** What comes after the relay of the former. */
  | { readonly kind: "relayedCluster"; readonly view: ClusterView }
  | { readonly kind: "inboundListener"; readonly view: InboundListenerView }
  | { readonly kind: "ingressListener"; readonly view: IngressListenerView }
  | { readonly kind: "inboundRoutes"; readonly view: InboundRoutesView }
  | { readonly kind: "inboundCluster"; readonly view: Omit<InboundPortView, "limits"> }
  | { readonly kind: "healthListener"; readonly view: readonly ProbeView[] };

/** The resource of a view. */
export function viewResource(shared: SharedView, trustDomain: string): Resource {
  switch (shared.kind) {
    case "outboundListener":
      return encodeResource(ListenerSchema, outboundListenerName, outboundListener(shared.view));
    case "outboundRoutes":
      return outboundRoutesResource(shared.view);
    case "virtualHost":
      return virtualHostResource(shared.view);
    case "outboundCluster":
      return outboundClusterResource(shared.view, trustDomain);
    case "relayedCluster":
      return clusterResource(shared.view, relayedCluster(shared.view, trustDomain));
    case "inboundListener":
      return encodeResource(ListenerSchema, inboundListenerName, inboundListener(shared.view, trustDomain));
    case "ingressListener": {
      const message = ingressListener(shared.view, trustDomain);
      return encodeResource(ListenerSchema, message.name, message);
    }
    case "inboundRoutes":
      return inboundRoutesResource(shared.view);
    case "inboundCluster": {
      const message = inboundCluster(shared.view);
      return encodeResource(ClusterSchema, message.name, message);
    }
    case "healthListener":
      return encodeResource(ListenerSchema, healthListenerName, healthListener(shared.view));
  }
}

/** Of the clusters that go through it, who come and go, it knows nothing. */
export function relayResource(relay: Relay): Resource {
  const message = relayListener(relay);
  return encodeResource(ListenerSchema, message.name, message);
}

export function gatewayListenerResource(view: GatewayListenerView): Resource {
  const message = gatewayListener(view);
  return encodeResource(ListenerSchema, message.name, message, {
    references: view.kind === "tcp" ? clusterNames([{ kind: "gateway", port: view.port }]) : [],
    origins: view.origins,
  });
}

export function gatewayRoutesResource(view: GatewayHttpView): Resource {
  const message = gatewayRoutes(view);
  return encodeResource(RouteConfigurationSchema, message.name, message, {
    references: clustersOf(view.virtualHosts.flatMap((host) => host.routes)),
    origins: view.origins,
  });
}

export function egressListenerResource(view: EgressListenerView): Resource {
  const message = egressListener(view);
  return encodeResource(ListenerSchema, message.name, message, {
    references: view.kind === "http" ? [] : clusterNames(view.hosts.map(({ cluster }) => cluster)),
    origins: view.origins,
  });
}

export function egressRoutesResource(view: Extract<EgressListenerView, { kind: "http" }>): Resource {
  const message = egressRoutes(view);
  return encodeResource(RouteConfigurationSchema, message.name, message, {
    references: clustersOf(view.virtualHosts.flatMap((host) => host.routes)),
    origins: view.origins,
  });
}

/** Clusters of hosts outside come when they are used; only copies would wait for none. */
function outboundRoutesResource(view: OutsideRoutesView): Resource {
  const message = outboundRoutes(view);
  const routes = view.hosts.flatMap(({ ports }) => ports.flatMap((port) => port.routes));
  return encodeResource(RouteConfigurationSchema, message.name, message, {
    references: mirrorsOf(routes),
    origins: view.origins,
  });
}

function virtualHostResource(view: VirtualHostView): Resource {
  const message = virtualHost(view);
  return encodeResource(VirtualHostSchema, message.name, message, {
    awaited: true,
    references: clustersOf(view.routes),
    origins: view.origins,
  });
}

/**
 * The answer to a name that can be no virtual host's. Told that such a name is removed, Envoy lets the request wait;
 * a resource without content makes it answer 404 at once.
 */
export function noVirtualHostResource(name: string): Resource {
  return encodeAbsence(name);
}

function clustersOf(routes: readonly RouteView[]): readonly Reference[] {
  const destinations = routes.flatMap(({ action }) =>
    action.kind === "forward" ? action.destinations.flatMap(({ cluster }) => cluster ?? []) : [],
  );
  return uniqueNames([...clusterNames(destinations), ...mirrorsOf(routes)]);
}

/** Envoy waits for a cluster that a request goes to, but for none that a copy of it goes to. */
function mirrorsOf(routes: readonly RouteView[]): readonly Reference[] {
  const clusters = routes.flatMap(({ action }) =>
    action.kind === "forward" ? (action.mirrors ?? []).map(({ cluster }) => cluster) : [],
  );
  return clusterNames(clusters).map((name) => ({ ...name, unawaited: true }));
}

function clusterNames(clusters: readonly ClusterReference[]): readonly ResourceName[] {
  return uniqueNames(clusters.map((cluster) => ({ typeUrl: clusterType, name: clusterName(cluster) })));
}

/** Of several with one name the last. */
function uniqueNames<R extends ResourceName>(names: readonly R[]): readonly R[] {
  return [...new Map(names.map((each) => [each.name, each])).values()];
}

function outboundClusterResource(view: ClusterView, trustDomain: string): Resource {
  const relay = relayOf(view);
  if (relay === undefined) return clusterResource(view, outboundCluster(view, trustDomain));
  const message = relayingCluster(view, relay);
  return encodeResource(ClusterSchema, message.name, message, {
    origins: view.origins,
    references: [
      { typeUrl: listenerType, name: relayName(relay), unawaited: true },
      { typeUrl: clusterType, name: relayedClusterName(message.name) },
    ],
  });
}

function clusterResource({ endpoints, origins }: ClusterView, message: Cluster): Resource {
  return encodeResource(ClusterSchema, message.name, message, {
    origins,
    // Another cluster may use the same endpoints: the client has them already, and must be given them again.
    references:
      endpoints.kind === "listed" ? [{ typeUrl: endpointsType, name: clusterName(endpoints.list) }] : [],
  });
}

function inboundRoutesResource(view: InboundRoutesView): Resource {
  const message = create(RouteConfigurationSchema, inboundRoutes(view));
  const { rateLimits, concurrency } = view;
  const origins = [...rateLimits, ...(concurrency === undefined ? [] : [concurrency])];
  return encodeResource(RouteConfigurationSchema, message.name, message, {
    origins: origins.map(({ origin }) => origin),
  });
}

/** For ports that nobody declares. */
export function anyInboundClusterResource(): Resource {
  const message = inboundCluster(undefined);
  return encodeResource(ClusterSchema, message.name, message);
}

export function passthroughResource(): Resource {
  const message = passthrough();
  return encodeResource(ClusterSchema, message.name, message);
}

export function blackHoleResource(): Resource {
  const message = blackHole();
  return encodeResource(ClusterSchema, message.name, message);
}

/** One of the clusters behind a pod's probes; undefined when it has none of that name. */
export function probeClusterResource(view: HealthListenerView, name: string): Resource | undefined {
  const message = probeClusters(view).find((cluster) => cluster.name === name);
  return message === undefined ? undefined : encodeResource(ClusterSchema, name, message);
}

export function endpointsResource(view: EndpointsView): Resource {
  const message = loadAssignment(view);
  return encodeResource(ClusterLoadAssignmentSchema, message.clusterName, message, { origins: view.origins });
}

export function weightedEndpointsResource(view: WeightedEndpointsView): Resource {
  const message = weightedLoadAssignment(view);
  return encodeResource(ClusterLoadAssignmentSchema, message.clusterName, message, { origins: view.origins });
}
