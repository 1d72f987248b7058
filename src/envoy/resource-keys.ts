// Under which keys resources are kept: their names, and as little of who asks as decides about the content.
import { type Client, withBalancer } from "#compile/clients/clients.ts";
import type { Proxy } from "#model/workload.ts";
import type { ResourceName } from "#xds/provider.ts";
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
  inboundClusterName,
  isEgressName,
  outboundListenerName,
  outboundRouteConfiguration,
  parseClusterName,
  parseRelayName,
  passthroughCluster,
  trustBundleSecret,
  unrelayedName,
} from "./names.ts";

/** What resources are kept by. */
export interface ResourceKey extends ResourceName {
  /** What depends on the asker: nothing, what kind of client it is, or its pod. */
  readonly scope: string;
}

/** As little of the asker as the resource needs, so that proxies share what is the same for them. */
export function scopeOf(pod: Proxy, client: Client, { typeUrl, name }: ResourceName): string {
  switch (typeUrl) {
    case virtualHostType:
      return client.key;
    case endpointsType:
      return parseClusterName(name)?.kind === "gateway" ? podKey(pod) : client.key;
    case clusterType:
      if (isConstantCluster(name)) return "";
      if ((parseClusterName(unrelayedName(name).cluster)?.kind ?? "gateway") === "gateway")
        return podKey(pod);
      return (pod.balancesByLatency ? withBalancer(client) : client).key;
    case listenerType:
      if (parseRelayName(name) !== undefined) return "";
      return name === outboundListenerName || isEgressName(name) ? client.key : podKey(pod);
    case routeConfigurationType:
      return name === outboundRouteConfiguration || isEgressName(name) ? client.key : podKey(pod);
    case secretType:
      return name === trustBundleSecret ? "" : podKey(pod);
    default:
      return "";
  }
}

function isConstantCluster(name: string): boolean {
  return [passthroughCluster, blackHoleCluster, inboundClusterName(undefined)].includes(name);
}

/** Of a pod, `namespace/pod`. */
export function podKey(pod: { readonly namespace: string; readonly pod: string }): string {
  return `${pod.namespace}/${pod.pod}`;
}

/** As one string; {@link parseKey} takes it apart. */
export function formatKey({ typeUrl, name, scope }: ResourceKey): string {
  return `${typeUrl} ${scope} ${name}`;
}

/** The key in a string of {@link formatKey}. */
export function parseKey(key: string): ResourceKey {
  const first = key.indexOf(" ");
  const second = key.indexOf(" ", first + 1);
  return {
    typeUrl: key.slice(0, first),
    scope: key.slice(first + 1, second),
    name: key.slice(second + 1),
  };
}
