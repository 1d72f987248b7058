// What a stream says of one name: the resource, that it is gone, or nothing yet.
import type { Delivery } from "./delivery.ts";
import type { Resource } from "./provider.ts";
import { absentVirtualHost } from "./response.ts";
import type { StreamOptions } from "./stream-options.ts";
import { toldAbsent, unknownVersion } from "./subscription.ts";
import { clusterType, onDemandTypes, virtualHostType, wildcardTypes } from "./type-urls.ts";
import type { Want, Wants } from "./wants.ts";

export type Decision =
  | { readonly kind: "send"; readonly resource: Resource }
  | { readonly kind: "remove" | "wait" | "nothing" };

const remove: Decision = { kind: "remove" };
const wait: Decision = { kind: "wait" };
const nothing: Decision = { kind: "nothing" };

/** What is decided by. */
interface Context extends Pick<StreamOptions, "substitute" | "mayKeep"> {
  readonly wants: Wants;
  delivery(typeUrl: string): Delivery;
  /** Whether the client may still say that it uses clusters which nothing seems to need. */
  isReconnecting(): boolean;
}

/** The decisions of one stream. */
export class Decisions {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** What the client is to be told of a name of a type. */
  decide(delivery: Delivery, name: string): Decision {
    const { subscription, typeUrl } = delivery;
    const want = this.#context.wants.get(typeUrl, name);
    const held = subscription.held.get(name);
    if (want === undefined || want.reasons === 0) return this.#decideUnwanted(delivery, name, want);
    if (!isAskedFor(delivery, name) || want.current === undefined) return nothing;
    if (want.current.kind === "absent") {
      if (held === toldAbsent) return nothing;
      return held === undefined && typeUrl === virtualHostType ? send(absentVirtualHost(name)) : remove;
    }
    const resource = this.#acceptable(delivery, want.current);
    // Of a cluster that Envoy has refused something may stay behind that warms for ever, and who waits for it waits on.
    if (resource === undefined && typeUrl === clusterType && held === undefined) return remove;
    if (resource === undefined || resource.version === held) return nothing;
    if (held !== undefined && isKnown(held) && this.#context.mayKeep(held, resource, { typeUrl, name })) {
      return nothing;
    }
    return this.#isReadyFor(resource, isKnown(held)) ? send(resource) : wait;
  }

  #decideUnwanted(delivery: Delivery, name: string, want: Want | undefined): Decision {
    const { subscription, typeUrl } = delivery;
    const held = subscription.held.get(name);
    const isTold = wildcardTypes.has(typeUrl) || onDemandTypes.has(typeUrl);
    if (held !== undefined && held !== toldAbsent && isTold)
      return wildcardTypes.has(typeUrl) && this.#context.isReconnecting() ? wait : remove;
    subscription.held.delete(name);
    if (want !== undefined) {
      want.sent = undefined;
      want.accepted = undefined;
      this.#context.wants.recount(want);
    }
    return nothing;
  }

  /** The resource itself, what stands in for it if the client has rejected it and has no earlier one, or nothing. */
  #acceptable(delivery: Delivery, resource: Resource): Resource | undefined {
    const rejection = delivery.rejections.get(resource.name);
    if (rejection === undefined || !rejection.versions.has(resource.version)) return resource;
    const held = delivery.subscription.held.get(resource.name);
    if (isKnown(held)) return undefined;
    const { typeUrl } = delivery;
    const substitute =
      this.#context.substitute?.({ typeUrl, name: resource.name }, rejection) ??
      (typeUrl === virtualHostType ? absentVirtualHost(resource.name) : undefined);
    if (substitute === undefined || rejection.versions.has(substitute.version)) return undefined;
    return delivery.substituted(substitute);
  }

  /**
   * Whether the clusters and listeners that a resource names are there. For a resource that is new it is mostly enough
   * that they are sent before it; for a new version of one in use they must be accepted, which Envoy says when they have warmed.
   */
  #isReadyFor(resource: Resource, isInUse: boolean): boolean {
    for (const { typeUrl, name, unawaited = false } of resource.references) {
      if (!wildcardTypes.has(typeUrl)) continue;
      const delivery = this.#context.delivery(typeUrl);
      if (!isAskedFor(delivery, name)) continue;
      const current = this.#context.wants.get(typeUrl, name)?.current;
      if (current === undefined) return false;
      if (current.kind === "absent" || delivery.rejections.has(name)) continue;
      if (isKnown(delivery.subscription.held.get(name))) continue;
      if (isInUse || unawaited || delivery.inFlight?.items.get(name) === undefined) return false;
    }
    return true;
  }
}

function send(resource: Resource): Decision {
  return { kind: "send", resource };
}

/** Whether the client has asked for a name, or for all of its type. */
export function isAskedFor(delivery: Delivery, name: string): boolean {
  return delivery.subscription.names.has(name) || isByWildcard(delivery);
}

/** Whether the client has asked for all of a type. */
export function isByWildcard({ typeUrl, subscription }: Delivery): boolean {
  return wildcardTypes.has(typeUrl) && subscription.wildcard;
}

/** Whether a held version is that of a real resource. */
export function isKnown(held: string | undefined): boolean {
  return held !== undefined && held !== toldAbsent && held !== unknownVersion;
}
