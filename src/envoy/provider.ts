// Resources by name for each proxy: the last stage, computed only for what somebody watches.
import type { Collection, Demand, Fetch, Graph } from "#collections/graph.ts";
import { clientOfKey } from "#compile/clients/clients.ts";
import {
  type EndpointSelection,
  endpointSelection,
  endpointsView,
} from "#compile/clusters/endpoint-lists.ts";
import { type WeightedSelection, weightedEndpointsView } from "#compile/clusters/weighted-endpoints.ts";
import { gatewayCluster, gatewayEndpoints, gatewayListeners } from "#compile/gateways/gateway-pods.ts";
import type { IngressListenerView, ListenedPort } from "#compile/listener-views.ts";
import { clusterView } from "#compile/outbound/cluster-view.ts";
import { connectionSelection } from "#compile/outbound/connection-clusters.ts";
import { egressListenerViews } from "#compile/outbound/egress-listeners.ts";
import { rejectedVirtualHostView, virtualHostView } from "#compile/outbound/outbound.ts";
import { outboundListenerView, outsideRoutesView } from "#compile/outbound/outside.ts";
import { podSelection } from "#compile/outbound/pods.ts";
import type { ClusterReference, ClusterView } from "#compile/views.ts";
import { present } from "#model/present.ts";
import type { Proxy, Workload } from "#model/workload.ts";
import type { Absent, Provider, Resource } from "#xds/provider.ts";
import {
  clusterType,
  endpointsType,
  listenerType,
  routeConfigurationType,
  secretType,
  virtualHostType,
} from "#xds/type-urls.ts";
import {
  blackHoleCluster,
  egressListenerName,
  gatewayListenerName,
  healthListenerName,
  inboundClusterName,
  inboundListenerName,
  ingressListenerName,
  isEgressName,
  outboundListenerName,
  outboundRouteConfiguration,
  parseClusterName,
  parseInboundName,
  parseRelayName,
  parseVirtualHostName,
  passthroughCluster,
  probeClusterName,
  unrelayedName,
  workloadSecret,
} from "./names.ts";
import type { ProviderInputs } from "./provider-inputs.ts";
import { formatKey, parseKey, podKey, type ResourceKey, scopeOf } from "./resource-keys.ts";
import * as resources from "./resources.ts";
import { mayKeepCertificate, secretResource } from "./tls/secret-resources.ts";

/** The provider, and whose certificates somebody wants. */
export interface EnvoyProvider extends Provider<Proxy> {
  readonly wantedCertificates: Collection<string>;
}

const absent: Absent = { kind: "absent" };

/** Wires the lazy stages. */
export function createProvider(graph: Graph, inputs: ProviderInputs): EnvoyProvider {
  const { mesh, trustDomain } = inputs;
  // What differs from proxy to proxy is encoded once for all that have the same view: the key is the view itself.
  const encoded = graph.demand("encoded views", (json) =>
    resources.viewResource(JSON.parse(json) as resources.SharedView, trustDomain),
  );
  const encode = (fetch: Fetch, view: resources.SharedView) => fetch.get(encoded, JSON.stringify(view));
  const endpointLists = graph.demand("endpoint lists", (json, fetch) =>
    resources.endpointsResource(endpointsView(mesh, fetch, JSON.parse(json) as EndpointSelection)),
  );
  const weightedLists = graph.demand("weighted endpoint lists", (json, fetch) =>
    resources.weightedEndpointsResource(
      weightedEndpointsView(mesh, fetch, JSON.parse(json) as WeightedSelection),
    ),
  );
  // All listeners of a gateway come of one look at it, with their routes, whichever of its resources asks.
  const gateways = graph.demand("gateways", (pod, fetch) => gatewayListeners(mesh, fetch, pod));
  const listenersOf = (fetch: Fetch, pod: string) => fetch.get(gateways, pod) ?? [];
  const gatewayTcp = (fetch: Fetch, pod: string, port: number) => {
    const view = listenersOf(fetch, pod).find((each) => each.port === port);
    return view?.kind === "tcp" ? view : undefined;
  };
  const egressListeners = graph.demand("egress listeners", (client, fetch) =>
    egressListenerViews(mesh, fetch, clientOfKey(client)),
  );
  const egressNamed = (fetch: Fetch, client: string, name: string) =>
    fetch.get(egressListeners, client)?.find(({ at }) => egressListenerName(at) === name);
  const wantedCertificates = graph.demand("wanted certificates", (key) => key);

  const find = (key: ResourceKey, fetch: Fetch): Resource | Absent | undefined => {
    switch (key.typeUrl) {
      case listenerType:
        return listener(key, fetch);
      case clusterType:
        return cluster(key, fetch);
      case endpointsType:
        return endpoints(key, fetch);
      case routeConfigurationType:
        return routeConfiguration(key, fetch);
      case virtualHostType: {
        const destination = parseVirtualHostName(key.name);
        if (destination === undefined) return resources.noVirtualHostResource(key.name);
        const view = virtualHostView(mesh, fetch, clientOfKey(key.scope), destination);
        return encode(fetch, { kind: "virtualHost", view });
      }
      case secretType:
        return secretResource(inputs, wantedCertificates, key, fetch);
      default:
        return absent;
    }
  };

  function listener({ name, scope }: ResourceKey, fetch: Fetch): Resource | Absent | undefined {
    if (name === outboundListenerName) {
      const view = outboundListenerView(mesh, fetch, clientOfKey(scope));
      return encode(fetch, { kind: "outboundListener", view });
    }
    if (name === inboundListenerName) {
      const view = fetch.get(mesh.inbound, scope);
      if (view === undefined) return absent;
      // The listener knows nothing of services, so pods of different services share it.
      const ports = view.ports.filter(({ uncaptured }) => uncaptured !== true).map(listened);
      return encode(fetch, { kind: "inboundListener", view: { ...view, ports } });
    }
    const own = ingressListeners(fetch, scope).find(({ at }) => ingressListenerName(at) === name);
    if (own !== undefined) return encode(fetch, { kind: "ingressListener", view: own });
    if (name === healthListenerName) {
      const view = fetch.get(mesh.healthListeners, scope);
      return view === undefined ? undefined : encode(fetch, { kind: "healthListener", view: view.probes });
    }
    if (isEgressName(name)) {
      const view = egressNamed(fetch, scope, name);
      return view === undefined ? absent : resources.egressListenerResource(view);
    }
    const relay = parseRelayName(name);
    if (relay !== undefined) return resources.relayResource(relay);
    const port = listenersOf(fetch, scope).find((view) => gatewayListenerName(view.port) === name);
    return port === undefined ? absent : resources.gatewayListenerResource(port);
  }

  function ingressListeners(fetch: Fetch, pod: string): readonly IngressListenerView[] {
    const { ports = [], draining = false } = fetch.get(mesh.inbound, pod) ?? {};
    return ports.flatMap((port) =>
      port.bind === undefined ? [] : [{ at: port.bind, port: listened(port), draining }],
    );
  }

  function endpoints({ name, scope }: ResourceKey, fetch: Fetch): Resource | Absent | undefined {
    const reference = parseClusterName(name);
    if (reference === undefined) return absent;
    if (reference.kind === "gateway") {
      const tcp = gatewayTcp(fetch, scope, reference.port);
      const weighted = tcp === undefined ? undefined : gatewayEndpoints(mesh, fetch, scope, tcp);
      return weighted === undefined ? absent : fetch.get(weightedLists, JSON.stringify(weighted));
    }
    const client = clientOfKey(scope);
    if (reference.kind === "tcp" || reference.kind === "tls" || reference.kind === "host") {
      const weighted = connectionSelection(mesh, fetch, client, reference);
      return weighted === undefined ? absent : fetch.get(weightedLists, JSON.stringify(weighted));
    }
    const selection =
      reference.kind === "address"
        ? podSelection(mesh, fetch, client, reference)
        : endpointSelection(mesh, fetch, client, reference);
    return selection === undefined ? absent : fetch.get(endpointLists, JSON.stringify(selection));
  }

  function cluster({ name, scope }: ResourceKey, fetch: Fetch): Resource | Absent | undefined {
    const { cluster: meant, relayed } = unrelayedName(name);
    const reference = parseClusterName(meant);
    if (reference !== undefined) {
      const view = outboundView(reference, scope, fetch);
      const kind = relayed ? "relayedCluster" : "outboundCluster";
      return view === undefined ? absent : encode(fetch, { kind, view });
    }
    if (name === passthroughCluster) return resources.passthroughResource();
    if (name === blackHoleCluster) return resources.blackHoleResource();
    if (name === inboundClusterName(undefined)) return resources.anyInboundClusterResource();
    const inbound = fetch
      .get(mesh.inbound, scope)
      ?.ports.find((port) => inboundClusterName(port.port) === name);
    if (inbound !== undefined) {
      const { limits: _limits, bind: _bind, uncaptured: _uncaptured, tls: _tls, ...view } = inbound;
      return encode(fetch, { kind: "inboundCluster", view });
    }
    const health = fetch.get(mesh.healthListeners, scope);
    return (health === undefined ? undefined : resources.probeClusterResource(health, name)) ?? absent;
  }

  function outboundView(reference: ClusterReference, scope: string, fetch: Fetch): ClusterView | undefined {
    if (reference.kind !== "gateway") return clusterView(mesh, fetch, clientOfKey(scope), reference);
    const tcp = gatewayTcp(fetch, scope, reference.port);
    return tcp === undefined ? undefined : gatewayCluster(mesh, fetch, scope, tcp);
  }

  function routeConfiguration({ name, scope }: ResourceKey, fetch: Fetch): Resource | Absent | undefined {
    if (name === outboundRouteConfiguration) {
      return encode(fetch, {
        kind: "outboundRoutes",
        view: outsideRoutesView(mesh, fetch, clientOfKey(scope)),
      });
    }
    const port = parseInboundName(name);
    if (port !== undefined) {
      const inbound = fetch.get(mesh.inbound, scope)?.ports.find((each) => each.port === port);
      return inbound === undefined
        ? absent
        : encode(fetch, { kind: "inboundRoutes", view: { port, ...inbound.limits } });
    }
    if (isEgressName(name)) {
      const egress = egressNamed(fetch, scope, name);
      return egress?.kind === "http" ? resources.egressRoutesResource(egress) : absent;
    }
    const view = listenersOf(fetch, scope).find((each) => gatewayListenerName(each.port) === name);
    return view?.kind === "http" ? resources.gatewayRoutesResource(view) : absent;
  }

  const wildcardNames = ({ typeUrl, scope }: ResourceKey, fetch: Fetch): readonly string[] | undefined => {
    const workload = fetch.get(mesh.workloads, scope);
    if (workload === undefined) return undefined;
    if (typeUrl === listenerType) return listenerNames(workload, fetch);
    if (typeUrl === clusterType) return clusterNames(workload, fetch);
    return [];
  };

  function listenerNames(workload: Workload, fetch: Fetch): readonly string[] {
    const pod = podKey(workload);
    const { key = "" } = fetch.get(mesh.clients, pod) ?? {};
    const own =
      workload.proxy === "gateway"
        ? listenersOf(fetch, pod).map((view) => gatewayListenerName(view.port))
        : [
            outboundListenerName,
            inboundListenerName,
            ...ingressListeners(fetch, pod).map(({ at }) => ingressListenerName(at)),
            ...(fetch.get(egressListeners, key) ?? []).map(({ at }) => egressListenerName(at)),
          ];
    // The health listener comes last: it is what makes the pod ready.
    return [...own, healthListenerName];
  }

  function clusterNames(workload: Workload, fetch: Fetch): readonly string[] {
    const scope = podKey(workload);
    const inbound = fetch.get(mesh.inbound, scope)?.ports ?? [];
    const probes = fetch.get(mesh.healthListeners, scope)?.probes ?? [];
    return [
      passthroughCluster,
      blackHoleCluster,
      inboundClusterName(undefined),
      ...inbound.map((port) => inboundClusterName(port.port)),
      ...new Set(probes.map(probeClusterName)),
    ];
  }

  const wildcards: Demand<readonly string[]> = graph.demand("wildcard names", (key, fetch) =>
    wildcardNames(parseKey(key), fetch),
  );
  return {
    resources: graph.demand("resources", (key, fetch) => find(parseKey(key), fetch)),
    keyOf: (client, name) => {
      const known = mesh.clients.get(podKey(client)) ?? clientOfKey(client.namespace);
      return formatKey({ ...name, scope: scopeOf(client, known, name) });
    },
    audiences: mesh.clients,
    audienceKeyOf: podKey,
    wildcards,
    wildcardKeyOf: (client, typeUrl) => formatKey({ typeUrl, name: "*", scope: podKey(client) }),
    mayKeep: (held, { version }, { typeUrl, name }) =>
      typeUrl === secretType && name === workloadSecret && mayKeepCertificate(held, version, Date.now()),
    substitute: ({ typeUrl, name }, rejection) => {
      const port = typeUrl === routeConfigurationType ? parseInboundName(name) : undefined;
      if (port !== undefined) {
        // Without any, the port would answer every request with 404.
        const view = { port, rateLimits: [] };
        return resources.viewResource({ kind: "inboundRoutes", view }, trustDomain);
      }
      const destination = typeUrl === virtualHostType ? parseVirtualHostName(name) : undefined;
      if (destination === undefined) return undefined;
      const view = rejectedVirtualHostView(destination, rejection);
      return resources.viewResource({ kind: "virtualHost", view }, trustDomain);
    },
    wantedCertificates: wantedCertificates.demanded,
  };
}

function listened({ port, protocol, tls, connectionPool = {} }: ListenedPort): ListenedPort {
  const { tcpIdleTimeoutMs, maxConnectionDurationMs } = connectionPool;
  const times = present({ tcpIdleTimeoutMs, maxConnectionDurationMs });
  return {
    port,
    protocol,
    ...present({ tls, connectionPool: Object.keys(times).length === 0 ? undefined : times }),
  };
}
