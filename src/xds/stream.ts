// One delta ADS stream: takes the client's requests and changed resources, and decides what to send next.

import type { ObjectReference } from "#model/reference.ts";
import { Delivery, type Rejection, type Response } from "./delivery.ts";
import type { Absent, Provider, Resource, ResourceName } from "./provider.ts";
import { absentVirtualHost, encodeResponse } from "./response.ts";
import { type Interest, toldAbsent, unknownVersion } from "./subscription.ts";
import { clusterType, endpointsType, listenerType, typesInOrder, virtualHostType } from "./type-urls.ts";
import { type Want, Wants } from "./wants.ts";
import type { Watch } from "./watches.ts";

/** One request of the client, decoded. */
export interface Request extends Interest {
  readonly typeUrl: string;
  /** Empty unless it answers a response. */
  readonly nonce: string;
  /** Why the response was rejected, if it was. */
  readonly error: string | undefined;
}

/** Where responses go. */
export interface Transport {
  /** Returns false when no more should be sent until `Stream.drained` is called. */
  send(response: Buffer): boolean;
}

/** What a stream needs of the server that it belongs to. */
export interface StreamOptions {
  readonly transport: Transport;
  readonly watch: Watch;
  /** The names that a wildcard subscription of the type means; `undefined` while not known. */
  wildcardNames(typeUrl: string): readonly string[] | undefined;
  watchWildcard(typeUrl: string): void;
  /** Names that are sent ahead, because the workload used them before. */
  learned(): readonly ResourceName[];
  /** Called with names that the client asked for on demand. */
  used(names: readonly ResourceName[]): void;
  rejected(rejection: Rejection): void;
  readonly substitute: Provider<unknown>["substitute"];
  readonly mayKeep: NonNullable<Provider<unknown>["mayKeep"]>;
  /** How many names are kept, per type, that were sent ahead unasked or do not exist; what exists and was asked for stays. */
  readonly onDemandLimit: number;
  /** How long removals of clusters wait, after a reconnection, for the client to say what it still uses. */
  readonly reconnectGraceMs: number;
}

/** Types of which a subscription without names means "what I should have". */
const wildcardTypes: ReadonlySet<string> = new Set([clusterType, listenerType]);
/** Types of which clients ask for single names on demand, and are told when one of them goes. */
const onDemandTypes: ReadonlySet<string> = new Set([clusterType, virtualHostType]);
/** Larger responses are cut in parts (bytes). */
const responseLimit = 4 * 1024 * 1024;

/** Whether a client has the latest of what an object made. */
export interface Acknowledged {
  readonly object: ObjectReference;
  readonly isLatest: boolean;
}

type Decision =
  | { readonly kind: "send"; readonly resource: Resource }
  | { readonly kind: "remove" | "wait" | "nothing" };

const remove: Decision = { kind: "remove" };
const wait: Decision = { kind: "wait" };
const nothing: Decision = { kind: "nothing" };

/** The state of one stream. Nothing here blocks; whoever changes something calls `flush` afterwards. */
export class Stream {
  readonly #options: StreamOptions;
  readonly #wants: Wants;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #wildcardNames = new Map<string, ReadonlySet<string>>();
  /** Clusters sent before the client said which endpoints it has. */
  readonly #clustersSent = new Set<string>();
  #types = typesInOrder;
  #graceTimer: NodeJS.Timeout | undefined;
  #nonce = 0;
  #writable = true;
  #fresh = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#wants = new Wants({
      watch: (want) => {
        options.watch.watch(want);
        this.#fresh ||= want.current === undefined;
        this.#touch(want);
      },
      unwatch: (want) => {
        options.watch.unwatch(want);
        this.#touch(want);
      },
    });
  }

  get deliveries(): Iterable<Delivery> {
    return this.#deliveries.values();
  }

  /** How many resources are needed, over all types. */
  get wanted(): number {
    return this.#wants.size;
  }

  /** For each object that made something the client needs: whether the client has acknowledged the latest of all of it. */
  acknowledgements(): ReadonlyMap<string, Acknowledged> {
    const found = new Map<string, Acknowledged>();
    for (const { typeUrl, name, reasons, current } of this.#wants.all()) {
      const delivery = this.#delivery(typeUrl);
      // What is referred to and was not asked for the client does without, such as endpoints that it has no cluster for.
      if (reasons === 0 || current?.kind !== "resource" || !this.#isAskedFor(delivery, name)) continue;
      const held = delivery.subscription.held.get(name);
      const isLatest =
        held === current.version ||
        (held !== undefined && isKnown(held) && this.#options.mayKeep(held, current, { typeUrl, name }));
      for (const { kind, namespace, name: objectName } of current.origins) {
        const object = { kind, namespace, name: objectName };
        const key = `${kind} ${namespace}/${objectName}`;
        found.set(key, { object, isLatest: isLatest && found.get(key)?.isLatest !== false });
      }
    }
    return found;
  }

  /** Takes a request. */
  request(request: Request): void {
    const delivery = this.#delivery(request.typeUrl);
    if (request.nonce !== "") this.#answer(delivery, request);
    const isFirst = !delivery.subscription.requested;
    const wildcardBefore = delivery.subscription.wildcard;
    const change = delivery.subscription.apply(request);
    const { typeUrl } = request;
    for (const name of change.asked) {
      // Asked for anew while an older answer is under way: that one may have been dropped.
      delivery.inFlight?.items.delete(name);
      delivery.dirty.add(name);
    }
    for (const name of change.added) this.#wants.add({ typeUrl, name });
    for (const name of change.dropped) this.#wants.drop({ typeUrl, name });
    if (isFirst) this.#begin(delivery, request.initialVersions);
    const wildcard = delivery.subscription.wildcard;
    if (wildcardTypes.has(typeUrl) && wildcard !== wildcardBefore) this.#setWildcard(delivery, wildcard);
    if (onDemandTypes.has(typeUrl)) {
      if (change.asked.length > 0) this.#options.used(change.asked.map((name) => ({ typeUrl, name })));
      this.#evict(delivery);
    }
  }

  /** Takes a new value of a wanted resource. */
  changed(want: Want, value: Resource | Absent | undefined): void {
    want.current = value;
    this.#wants.recount(want);
    this.#touch(want);
  }

  /** Takes a new meaning of a wildcard subscription. */
  wildcardChanged(typeUrl: string): void {
    const before = this.#wildcardNames.get(typeUrl);
    const after = this.#options.wildcardNames(typeUrl);
    if (after === undefined || !this.#delivery(typeUrl).subscription.wildcard) return;
    this.#wildcardNames.set(typeUrl, new Set(after));
    for (const name of this.#wildcardNames.get(typeUrl) ?? [])
      if (!before?.has(name)) this.#wants.add({ typeUrl, name });
    for (const name of before ?? [])
      if (!this.#wildcardNames.get(typeUrl)?.has(name)) this.#wants.drop({ typeUrl, name });
  }

  /** The transport takes bytes again. */
  drained(): void {
    this.#writable = true;
    this.flush();
  }

  /** Whether something that is not known yet came to be needed since the last call. */
  takeFresh(): boolean {
    const fresh = this.#fresh;
    this.#fresh = false;
    return fresh;
  }

  /** Sends what there is to send: at most one response of each type, what is referred to first. */
  flush(): void {
    for (const typeUrl of this.#types) {
      if (!this.#writable) return;
      const delivery = this.#deliveries.get(typeUrl);
      if (delivery?.subscription.requested && delivery.inFlight === undefined) this.#deliver(delivery);
    }
  }

  /** The client has gone. */
  close(): void {
    clearTimeout(this.#graceTimer);
    this.#writable = false;
    this.#wants.clear();
    this.#options.watch.close();
  }

  #delivery(typeUrl: string): Delivery {
    let delivery = this.#deliveries.get(typeUrl);
    if (delivery === undefined) {
      delivery = new Delivery(typeUrl);
      this.#deliveries.set(typeUrl, delivery);
      if (!typesInOrder.includes(typeUrl)) this.#types = [...this.#types, typeUrl];
    }
    return delivery;
  }

  #touch(want: ResourceName): void {
    this.#delivery(want.typeUrl).dirty.add(want.name);
  }

  // The beginning of a subscription

  #begin(delivery: Delivery, initialVersions: Readonly<Record<string, string>>): void {
    const { typeUrl, subscription } = delivery;
    const kept = Object.keys(initialVersions);
    for (const name of kept) delivery.dirty.add(name);
    if (typeUrl === virtualHostType) {
      // Virtual hosts that were sent ahead are kept by the client though it never named them.
      for (const name of kept) if (subscription.add(name)) this.#wants.add({ typeUrl, name });
    }
    if (typeUrl === endpointsType) {
      // A cluster sent anew on this stream warms until it is given endpoints, also those that the client has.
      // https://github.com/envoyproxy/envoy/issues/13009
      for (const name of this.#clustersSent) subscription.held.delete(name);
      this.#clustersSent.clear();
    }
    if (typeUrl !== clusterType) return;
    if (kept.length > 0) {
      this.#graceTimer = setTimeout(() => {
        this.#graceTimer = undefined;
        this.flush();
      }, this.#options.reconnectGraceMs);
      this.#graceTimer.unref();
    }
    for (const name of this.#options.learned())
      if (onDemandTypes.has(name.typeUrl) && this.#delivery(name.typeUrl).subscription.add(name.name))
        this.#wants.add(name);
  }

  #setWildcard(delivery: Delivery, wildcard: boolean): void {
    const { typeUrl } = delivery;
    if (wildcard) {
      // Envoy waits for the first answer, unless it has something from an earlier stream.
      delivery.answerOwed = delivery.subscription.held.size === 0;
      this.#options.watchWildcard(typeUrl);
      this.wildcardChanged(typeUrl);
      return;
    }
    const before = this.#wildcardNames.get(typeUrl) ?? [];
    this.#wildcardNames.delete(typeUrl);
    delivery.answerOwed = false;
    for (const name of before) this.#wants.drop({ typeUrl, name });
    // Nothing is said about what the wildcard alone covered: the client has given it up.
    for (const name of delivery.subscription.held.keys())
      if (!delivery.subscription.names.has(name)) delivery.subscription.held.delete(name);
  }

  /**
   * Beyond the limit, takes back what was sent ahead and never asked for, and forgets what does not exist. What the
   * client has asked for and has is kept: Envoy 1.40 asks for a name once on a stream, and if it is taken away answers
   * by itself that it does not exist (`envoy.reloadable_features.vhds_answered_alias_cache`), or waits.
   */
  #evict({ typeUrl, subscription, dirty }: Delivery): void {
    if (subscription.names.size <= this.#options.onDemandLimit) return;
    for (const name of subscription.names) {
      if (subscription.names.size <= this.#options.onDemandLimit * 0.9) return;
      const isAbsent = this.#wants.get(typeUrl, name)?.current?.kind === "absent";
      const isAnswered = subscription.held.has(name);
      if (!subscription.volunteered.has(name) && !(isAbsent && isAnswered)) continue;
      subscription.forget(name);
      if (isAbsent) subscription.held.delete(name);
      this.#wants.drop({ typeUrl, name });
      dirty.add(name);
    }
  }

  // Answers

  #answer(delivery: Delivery, request: Request): void {
    const response = delivery.answered(request.nonce);
    if (response === undefined) return;
    if (request.error === undefined) delivery.accept(response);
    else {
      const rejection = delivery.reject(response, request.error);
      if (rejection !== undefined) this.#options.rejected(rejection);
    }
    for (const [name, resource] of response.items) {
      const want = this.#wants.get(delivery.typeUrl, name);
      if (want === undefined) continue;
      want.sent = undefined;
      if (request.error === undefined) want.accepted = resource;
      this.#wants.recount(want);
    }
    if (request.error === undefined) this.#reconsiderRejected(delivery, response);
  }

  /** What was taken away may have been what a rejected resource clashed with. */
  #reconsiderRejected(delivery: Delivery, response: Response): void {
    if (delivery.rejections.size === 0 || ![...response.items.values()].includes(undefined)) return;
    for (const name of delivery.rejections.keys()) delivery.dirty.add(name);
    delivery.rejections.clear();
  }

  // Responses

  #deliver(delivery: Delivery): void {
    const { typeUrl } = delivery;
    if (this.#isByWildcard(delivery) && !this.#wildcardNames.has(typeUrl)) return;
    if (delivery.answerOwed && !this.#isWildcardKnown(typeUrl)) return;
    const resources: Resource[] = [];
    const removed: string[] = [];
    let size = 0;
    for (const name of delivery.next()) {
      if (size >= responseLimit) break;
      const decision = this.#decide(delivery, name);
      if (decision.kind === "send") {
        resources.push(decision.resource);
        size += decision.resource.encoded.length;
      } else if (decision.kind === "remove") removed.push(name);
      if (decision.kind !== "wait") delivery.dirty.delete(name);
    }
    if (delivery.retrying) delivery.endRetry();
    if (resources.length > 0 || removed.length > 0 || delivery.answerOwed)
      this.#send(delivery, resources, removed);
    else if (delivery.retrying) this.#deliver(delivery);
  }

  #isWildcardKnown(typeUrl: string): boolean {
    const names = this.#wildcardNames.get(typeUrl);
    if (names === undefined) return false;
    for (const name of names) if (this.#wants.get(typeUrl, name)?.current === undefined) return false;
    return true;
  }

  #send(delivery: Delivery, resources: readonly Resource[], removed: readonly string[]): void {
    const { typeUrl } = delivery;
    const nonce = String(++this.#nonce);
    const items = new Map<string, Resource | undefined>(removed.map((name) => [name, undefined]));
    for (const resource of resources) {
      items.set(resource.name, resource);
      const want = this.#wants.get(typeUrl, resource.name);
      if (want === undefined) continue;
      const isNew = want.sent?.version !== resource.version && want.accepted?.version !== resource.version;
      if (typeUrl === clusterType && isNew) this.#clusterSent(resource);
      want.sent = resource;
      this.#wants.recount(want);
    }
    delivery.inFlight = { nonce, items };
    delivery.answerOwed = false;
    this.#writable = this.#options.transport.send(encodeResponse({ typeUrl, nonce, resources, removed }));
  }

  /** A cluster that is new to the client warms until it is given endpoints: they follow, changed or not. */
  #clusterSent(cluster: Resource): void {
    const delivery = this.#delivery(endpointsType);
    const others = cluster.references.filter((reference) => reference.typeUrl === endpointsType);
    for (const name of new Set([cluster.name, ...others.map((reference) => reference.name)])) {
      if (!delivery.subscription.requested) this.#clustersSent.add(name);
      else if (delivery.subscription.names.has(name)) delivery.sendAgain(name);
    }
  }

  #decide(delivery: Delivery, name: string): Decision {
    const { subscription, typeUrl } = delivery;
    const want = this.#wants.get(typeUrl, name);
    const held = subscription.held.get(name);
    if (want === undefined || want.reasons === 0) return this.#decideUnwanted(delivery, name, want);
    if (!this.#isAskedFor(delivery, name) || want.current === undefined) return nothing;
    if (want.current.kind === "absent") {
      if (held === toldAbsent) return nothing;
      return held === undefined && typeUrl === virtualHostType ? send(absentVirtualHost(name)) : remove;
    }
    const resource = this.#acceptable(delivery, want.current);
    if (resource === undefined || resource.version === held) return nothing;
    if (held !== undefined && isKnown(held) && this.#options.mayKeep(held, resource, { typeUrl, name })) {
      return nothing;
    }
    return this.#isReadyFor(resource, isKnown(held)) ? send(resource) : wait;
  }

  #decideUnwanted(delivery: Delivery, name: string, want: Want | undefined): Decision {
    const { subscription, typeUrl } = delivery;
    const held = subscription.held.get(name);
    const isTold = wildcardTypes.has(typeUrl) || onDemandTypes.has(typeUrl);
    if (held !== undefined && held !== toldAbsent && isTold)
      return typeUrl === clusterType && this.#isReconnecting() ? wait : remove;
    subscription.held.delete(name);
    if (want !== undefined) {
      want.sent = undefined;
      want.accepted = undefined;
      this.#wants.recount(want);
    }
    return nothing;
  }

  #isAskedFor(delivery: Delivery, name: string): boolean {
    return delivery.subscription.names.has(name) || this.#isByWildcard(delivery);
  }

  #isByWildcard(delivery: Delivery): boolean {
    return wildcardTypes.has(delivery.typeUrl) && delivery.subscription.wildcard;
  }

  /** The resource itself, what stands in for it if the client has rejected it and has no earlier one, or nothing. */
  #acceptable(delivery: Delivery, resource: Resource): Resource | undefined {
    const rejection = delivery.rejections.get(resource.name);
    if (rejection === undefined || !rejection.versions.has(resource.version)) return resource;
    const held = delivery.subscription.held.get(resource.name);
    if (isKnown(held)) return undefined;
    const { typeUrl } = delivery;
    const substitute =
      this.#options.substitute?.({ typeUrl, name: resource.name }, rejection) ??
      (typeUrl === virtualHostType ? absentVirtualHost(resource.name) : undefined);
    if (substitute === undefined || rejection.versions.has(substitute.version)) return undefined;
    return delivery.substituted(substitute);
  }

  /**
   * Whether the clusters that a resource names are there. For a resource that is new it is mostly enough that they are
   * sent before it; for a new version of one in use they must be accepted, which Envoy says when they have warmed.
   */
  #isReadyFor(resource: Resource, isInUse: boolean): boolean {
    const clusters = this.#delivery(clusterType);
    for (const { typeUrl, name, unawaited = false } of resource.references) {
      if (typeUrl !== clusterType) continue;
      if (!clusters.subscription.names.has(name) && !this.#isByWildcard(clusters)) continue;
      const current = this.#wants.get(typeUrl, name)?.current;
      if (current === undefined) return false;
      if (current.kind === "absent" || clusters.rejections.has(name)) continue;
      if (isKnown(clusters.subscription.held.get(name))) continue;
      if (isInUse || unawaited || clusters.inFlight?.items.get(name) === undefined) return false;
    }
    return true;
  }

  /** Whether the client may still say that it uses clusters which nothing seems to need. */
  #isReconnecting(): boolean {
    if (this.#graceTimer === undefined) return false;
    if (!this.#delivery(virtualHostType).subscription.requested) return true;
    for (const want of this.#wants.all()) if (want.reasons > 0 && want.current === undefined) return true;
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
    return false;
  }
}

function send(resource: Resource): Decision {
  return { kind: "send", resource };
}

/** Whether a held version is that of a real resource. */
function isKnown(held: string | undefined): boolean {
  return held !== undefined && held !== toldAbsent && held !== unknownVersion;
}
