// What is under way to one client for one resource type: at most one response, what was rejected, what comes next.

import type { Resource } from "./provider.ts";
import type { Rejection } from "./rejection.ts";
import { Subscription, toldAbsent } from "./subscription.ts";
import { typesInOrder } from "./type-urls.ts";

/** A response without its answer: each name with what was sent, `undefined` for a removal. */
export interface Response {
  readonly nonce: string;
  readonly items: Map<string, Resource | undefined>;
}

/** Deliveries of one type on one stream. */
export class Delivery {
  readonly typeUrl: string;
  readonly subscription = new Subscription();
  /** Names of which the client may not have the latest. */
  readonly dirty = new Set<string>();
  readonly rejections = new Map<string, Rejection>();
  inFlight: Response | undefined;
  /** Whether an answer must go out even if it is empty. */
  answerOwed = false;
  readonly #substitutes = new Map<string, string>();
  #retries: (readonly string[])[] = [];

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  /** The names to look at for the next response: parts of a rejected one first. */
  next(): Iterable<string> {
    return this.#retries[0] ?? this.dirty;
  }

  /** Whether `next` is a part of a rejected response. */
  get retrying(): boolean {
    return this.#retries.length > 0;
  }

  endRetry(): void {
    this.#retries.shift();
  }

  /** Makes a name be sent again, whatever the client acknowledges of what is under way. */
  sendAgain(name: string): void {
    this.subscription.held.delete(name);
    this.inFlight?.items.delete(name);
    this.dirty.add(name);
  }

  /** Takes back the response with this nonce as answered; `undefined` for a stale nonce. */
  answered(nonce: string): Response | undefined {
    const response = this.inFlight;
    if (response === undefined || response.nonce !== nonce) return undefined;
    this.inFlight = undefined;
    return response;
  }

  /** The client has taken the response. */
  accept(response: Response): void {
    const { held, names } = this.subscription;
    for (const [name, resource] of response.items) {
      if (resource === undefined) {
        if (names.has(name)) held.set(name, toldAbsent);
        else held.delete(name);
        continue;
      }
      held.set(name, resource.version);
      if (this.rejections.get(name)?.versions.has(resource.version)) continue;
      if (this.#substitutes.get(name) !== resource.version) this.rejections.delete(name);
    }
  }

  /** Notes that this goes out in the stead of what was rejected. */
  substituted(resource: Resource): Resource {
    this.#substitutes.set(resource.name, resource.version);
    return resource;
  }

  /**
   * A rejection is of the whole response, and its words need not name the culprit: halves are tried alone until it
   * stands alone. Returns the culprit when it does.
   */
  reject(response: Response, message: string): Rejection | undefined {
    const names = [...response.items.keys()];
    for (const each of names) this.dirty.add(each);
    if (names.length > 1) {
      const middle = Math.ceil(names.length / 2);
      this.#retries.unshift(names.slice(0, middle), names.slice(middle));
      return undefined;
    }
    const [name] = names;
    if (name === undefined) return undefined;
    const resource = response.items.get(name);
    if (resource === undefined) {
      this.subscription.held.delete(name);
      return undefined;
    }
    const before = this.rejections.get(name);
    const rejection: Rejection = {
      typeUrl: this.typeUrl,
      name,
      message: before?.message ?? message,
      origins: before?.origins ?? resource.origins,
      versions: new Set([...(before?.versions ?? []), resource.version]),
    };
    this.rejections.set(name, rejection);
    return rejection;
  }
}

/** Those of one stream, a delivery for each type. */
export class Deliveries {
  readonly #byType = new Map<string, Delivery>();
  #types = typesInOrder;

  of(typeUrl: string): Delivery {
    let delivery = this.#byType.get(typeUrl);
    if (delivery === undefined) {
      delivery = new Delivery(typeUrl);
      this.#byType.set(typeUrl, delivery);
      if (!typesInOrder.includes(typeUrl)) this.#types = [...this.#types, typeUrl];
    }
    return delivery;
  }

  all(): Iterable<Delivery> {
    return this.#byType.values();
  }

  /** What is referred to comes before what refers to it. */
  *inOrder(): Iterable<Delivery> {
    for (const typeUrl of this.#types) {
      const delivery = this.#byType.get(typeUrl);
      if (delivery !== undefined) yield delivery;
    }
  }
}
