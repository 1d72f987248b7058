// What one Envoy says on a delta ADS stream, and what it has got: a state machine without I/O.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Cluster_DiscoveryType, ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { NodeSchema } from "@heddle/envoy-api/envoy/config/core/v3/base";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type Resource,
} from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import type { ResourceName } from "#xds/provider.ts";
import {
  clusterType,
  endpointsType,
  listenerType,
  routeConfigurationType,
  secretType,
  virtualHostType,
} from "#xds/type-urls.ts";

/** Who a proxy is, and what its application will use. Plain data: it is sent to the worker process. */
export interface ProxyPlan {
  readonly id: string;
  /** Sent as `authorization: Bearer …`. */
  readonly token: string;
  /** Virtual hosts and clusters that it asks for on demand, each as a request of its own, once it is configured. */
  readonly uses: readonly ResourceName[];
  /** SDS secrets that its listeners and clusters refer to. */
  readonly secrets: readonly string[];
  /** Resources of which it rejects the version that it sees first, and with it the whole response. */
  readonly rejects: readonly string[];
  /** Pause before each answer, for a reader that is slow (ms). */
  readonly delayMs: number;
}

/** Where a proxy's requests go, and who hears of what it gets. */
export interface ProxyHooks {
  send(request: Uint8Array): void;
  /** A version that this proxy did not have. */
  received(name: ResourceName, version: string): void;
  /** It has everything that it has asked for; called once per stream. */
  synced(): void;
}

const outboundRoutes = "outbound";
/** What is asked for after the first clusters and listeners, before traffic. */
const wildcardTypes = [clusterType, listenerType];

/** EDS service names by cluster version, so that a process of many proxies decodes each cluster once. */
const endpointNames = new Map<string, string | undefined>();

/** One proxy. `connected` is called for each stream, and what it has outlives the stream. */
export class Proxy {
  readonly plan: ProxyPlan;
  readonly #hooks: ProxyHooks;
  /** Type to name to version of what it has. */
  readonly #held = new Map<string, Map<string, string>>();
  /** Type to names asked for one by one. */
  readonly #subscribed = new Map<string, Set<string>>();
  /** Names (`type name`) that have not been answered on this stream. */
  readonly #missing = new Set<string>();
  #requested = new Set<string>();
  /** Name to the version that it will not have. */
  readonly #rejected = new Map<string, string>();
  #isSynced = false;

  constructor(plan: ProxyPlan, hooks: ProxyHooks) {
    this.plan = plan;
    this.#hooks = hooks;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** How many resources it has. */
  get size(): number {
    let size = 0;
    for (const held of this.#held.values()) size += held.size;
    return size;
  }

  /** A stream is open: the node with the first request, then everything that it had, with versions. */
  connected(): void {
    const again = this.#requested;
    this.#requested = new Set();
    this.#missing.clear();
    this.#isSynced = false;
    if (again.size === 0) {
      for (const type of wildcardTypes) this.#missing.add(`${type} *`);
      this.#subscribe(clusterType, []);
      return;
    }
    for (const type of again) this.#subscribe(type, [...(this.#subscribed.get(type) ?? [])]);
    this.#checkSynced();
  }

  /** Takes a response and answers it. */
  receive(bytes: Uint8Array): void {
    const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    const { typeUrl, nonce } = response;
    const culprit = response.resources.find((resource) => this.#isRejected(resource));
    if (culprit !== undefined) {
      const message = `the load client rejects ${culprit.name}`;
      this.#send({ typeUrl, responseNonce: nonce, errorDetail: { code: 13, message } });
      return;
    }
    const isFirst = this.#missing.delete(`${typeUrl} *`);
    const held = this.#of(this.#held, typeUrl, () => new Map<string, string>());
    const endpoints: string[] = [];
    for (const resource of response.resources) {
      this.#missing.delete(`${typeUrl} ${resource.name}`);
      for (const alias of resource.aliases) this.#missing.delete(`${typeUrl} ${alias}`);
      if (held.get(resource.name) !== resource.version)
        this.#hooks.received({ typeUrl, name: resource.name }, resource.version);
      held.set(resource.name, resource.version);
      const service = typeUrl === clusterType ? endpointsOf(resource) : undefined;
      if (service !== undefined && !this.#subscribed.get(endpointsType)?.has(service))
        endpoints.push(service);
    }
    for (const name of response.removedResources) {
      held.delete(name);
      this.#missing.delete(`${typeUrl} ${name}`);
    }
    this.#send({ typeUrl, responseNonce: nonce });
    if (endpoints.length > 0) this.#subscribe(endpointsType, endpoints);
    if (isFirst || typeUrl === routeConfigurationType) this.#advance(typeUrl);
    this.#checkSynced();
  }

  #isRejected({ name, version }: Resource): boolean {
    if (!this.plan.rejects.includes(name)) return false;
    if (!this.#rejected.has(name)) this.#rejected.set(name, version);
    return this.#rejected.get(name) === version;
  }

  /** What Envoy asks for next, once it has the first answer of a type. */
  #advance(typeUrl: string): void {
    if (typeUrl === clusterType) {
      if (this.plan.secrets.length > 0) this.#subscribe(secretType, this.plan.secrets);
      this.#subscribe(listenerType, []);
    } else if (typeUrl === listenerType) this.#subscribe(routeConfigurationType, [outboundRoutes]);
    else if (typeUrl === routeConfigurationType && !this.#requested.has(virtualHostType)) {
      this.#subscribe(virtualHostType, []);
      for (const { typeUrl: type, name } of this.plan.uses)
        if (!this.#held.get(type)?.has(name)) this.#subscribe(type, [name]);
    }
  }

  #subscribe(typeUrl: string, names: readonly string[]): void {
    const subscribed = this.#of(this.#subscribed, typeUrl, () => new Set<string>());
    const held = this.#held.get(typeUrl);
    for (const name of names) {
      subscribed.add(name);
      if (!held?.has(name)) this.#missing.add(`${typeUrl} ${name}`);
    }
    const isFirst = !this.#requested.has(typeUrl);
    this.#requested.add(typeUrl);
    const isAgain = isFirst && held !== undefined;
    this.#send({
      typeUrl,
      // "Once the client does explicitly subscribe to a resource name", the wildcard must be explicit too.
      resourceNamesSubscribe:
        isAgain && wildcardTypes.includes(typeUrl) && names.length > 0 ? ["*", ...names] : [...names],
      ...(isAgain ? { initialResourceVersions: Object.fromEntries(held) } : {}),
    });
  }

  #checkSynced(): void {
    if (this.#isSynced || this.#missing.size > 0 || !this.#requested.has(virtualHostType)) return;
    this.#isSynced = true;
    this.#hooks.synced();
  }

  #send(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    const message = create(DeltaDiscoveryRequestSchema, request);
    // The node goes with the first request of a stream only.
    if (this.#requested.size === 1 && message.typeUrl === clusterType && message.responseNonce === "")
      message.node = create(NodeSchema, { id: this.plan.id, cluster: "bench", userAgentName: "envoy" });
    this.#hooks.send(toBinary(DeltaDiscoveryRequestSchema, message));
  }

  #of<V>(map: Map<string, V>, key: string, make: () => V): V {
    let value = map.get(key);
    if (value === undefined) {
      value = make();
      map.set(key, value);
    }
    return value;
  }
}

/** The name under which a cluster's endpoints come by EDS, or undefined. */
function endpointsOf(resource: Resource): string | undefined {
  const key = `${resource.name} ${resource.version}`;
  if (endpointNames.has(key)) return endpointNames.get(key);
  const cluster = fromBinary(ClusterSchema, resource.resource?.value ?? new Uint8Array());
  const { clusterDiscoveryType: type } = cluster;
  const isEds = type.case === "type" && type.value === Cluster_DiscoveryType.EDS;
  const name = isEds ? cluster.edsClusterConfig?.serviceName || cluster.name : undefined;
  endpointNames.set(key, name);
  return name;
}
