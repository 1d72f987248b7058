// One delta ADS stream: takes the client's requests and changed resources, and decides what to send next.

import { type Acknowledged, acknowledgedObjects } from "./acknowledged.ts";
import { Decisions, isByWildcard } from "./decisions.ts";
import { Deliveries, type Delivery, type Response } from "./delivery.ts";
import { evicted } from "./eviction.ts";
import type { Absent, Resource, ResourceName } from "./provider.ts";
import { encodeResponse } from "./response.ts";
import type { Request, StreamOptions } from "./stream-options.ts";
import { clusterType, endpointsType, onDemandTypes, virtualHostType, wildcardTypes } from "./type-urls.ts";
import { type Want, Wants } from "./wants.ts";

/** Larger responses are cut in parts (bytes). */
const responseLimit = 4 * 1024 * 1024;

/** The state of one stream. Nothing here blocks; whoever changes something calls `flush` afterwards. */
export class Stream {
  readonly #options: StreamOptions;
  readonly #wants: Wants;
  readonly #decisions: Decisions;
  readonly #deliveries = new Deliveries();
  readonly #wildcardNames = new Map<string, ReadonlySet<string>>();
  /** Clusters sent before the client said which endpoints it has. */
  readonly #clustersSent = new Set<string>();
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
    this.#decisions = new Decisions({
      wants: this.#wants,
      delivery: (typeUrl) => this.#deliveries.of(typeUrl),
      isReconnecting: () => this.#isReconnecting(),
      substitute: (name, rejection) => options.substitute?.(name, rejection),
      mayKeep: (held, resource, name) => options.mayKeep(held, resource, name),
    });
  }

  get deliveries(): Iterable<Delivery> {
    return this.#deliveries.all();
  }

  /** How many resources are needed, over all types. */
  get wanted(): number {
    return this.#wants.size;
  }

  /** For each object that made something the client needs: whether the client has acknowledged the latest of all of it. */
  acknowledgements(): ReadonlyMap<string, Acknowledged> {
    return acknowledgedObjects(
      this.#wants.all(),
      (typeUrl) => this.#deliveries.of(typeUrl),
      this.#options.mayKeep,
    );
  }

  /** Takes a request. */
  request(request: Request): void {
    const delivery = this.#deliveries.of(request.typeUrl);
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
    if (after === undefined || !this.#deliveries.of(typeUrl).subscription.wildcard) return;
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
    for (const delivery of this.#deliveries.inOrder()) {
      if (!this.#writable) return;
      if (delivery.subscription.requested && delivery.inFlight === undefined) this.#deliver(delivery);
    }
  }

  /** The client has gone. */
  close(): void {
    clearTimeout(this.#graceTimer);
    this.#writable = false;
    this.#wants.clear();
    this.#options.watch.close();
  }

  #touch(want: ResourceName): void {
    this.#deliveries.of(want.typeUrl).dirty.add(want.name);
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
      if (onDemandTypes.has(name.typeUrl) && this.#deliveries.of(name.typeUrl).subscription.add(name.name))
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

  #evict(delivery: Delivery): void {
    const { typeUrl, subscription, dirty } = delivery;
    const isAbsent = (name: string) => this.#wants.get(typeUrl, name)?.current?.kind === "absent";
    for (const name of evicted(subscription, this.#options.onDemandLimit, isAbsent)) {
      subscription.forget(name);
      if (isAbsent(name)) subscription.held.delete(name);
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
    const isGone = ([name, resource]: [string, Resource | undefined]): boolean =>
      resource === undefined && !delivery.rejections.has(name);
    if (delivery.rejections.size === 0 || ![...response.items].some(isGone)) return;
    for (const name of delivery.rejections.keys()) delivery.dirty.add(name);
    delivery.rejections.clear();
  }

  // Responses

  #deliver(delivery: Delivery): void {
    const { typeUrl } = delivery;
    if (isByWildcard(delivery) && !this.#wildcardNames.has(typeUrl)) return;
    if (delivery.answerOwed && !this.#isWildcardKnown(typeUrl)) return;
    const resources: Resource[] = [];
    const removed: string[] = [];
    let size = 0;
    for (const name of delivery.next()) {
      if (size >= responseLimit) break;
      const decision = this.#decisions.decide(delivery, name);
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
    const delivery = this.#deliveries.of(endpointsType);
    const others = cluster.references.filter((reference) => reference.typeUrl === endpointsType);
    for (const name of new Set([cluster.name, ...others.map((reference) => reference.name)])) {
      if (!delivery.subscription.requested) this.#clustersSent.add(name);
      else if (delivery.subscription.names.has(name)) delivery.sendAgain(name);
    }
  }

  /** Whether the client may still say that it uses clusters which nothing seems to need. */
  #isReconnecting(): boolean {
    if (this.#graceTimer === undefined) return false;
    if (!this.#deliveries.of(virtualHostType).subscription.requested) return true;
    for (const want of this.#wants.all()) if (want.reasons > 0 && want.current === undefined) return true;
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
    return false;
  }
}
