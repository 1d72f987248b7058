import type { ObjectReference, Origin } from "#model/reference.ts";
import type { Delivery } from "./delivery.ts";
import type { Node } from "./node.ts";
import { toldAbsent } from "./subscription.ts";

/** What the server knows of one connected proxy, as plain data. */
export interface ProxyStatus {
  /** As authenticated. */
  readonly id: string;
  /** What the proxy says of itself; not to be trusted. */
  readonly node: Node;
  readonly connectedSince: Date;
  /** By type URL. */
  readonly types: Readonly<Record<string, TypeStatus>>;
  readonly rejections: readonly RejectionStatus[];
}

export interface TypeStatus {
  /** Name to version of what the proxy has acknowledged. */
  readonly held: Readonly<Record<string, string>>;
  /** Names of which the proxy does not have the latest yet. */
  readonly pending: readonly string[];
}

/** A resource that the proxy refused, with the objects that made it. */
export interface RejectionStatus {
  readonly typeUrl: string;
  readonly name: string;
  readonly message: string;
  readonly origins: readonly Origin[];
}

/** How many of the proxies that use what an object made have acknowledged the latest of it: `n/m proxies`. */
export interface Acknowledgement {
  readonly object: ObjectReference;
  readonly acknowledged: number;
  readonly proxies: number;
}

/** The counts of several replicas, or of one proxy after the other, in one. */
export function sumOfAcknowledgements(counts: Iterable<Acknowledgement>): readonly Acknowledgement[] {
  const sums = new Map<string, Acknowledgement>();
  for (const { object, acknowledged, proxies } of counts) {
    const key = `${object.kind} ${object.namespace}/${object.name}`;
    const before = sums.get(key);
    sums.set(key, {
      object,
      acknowledged: acknowledged + (before?.acknowledged ?? 0),
      proxies: proxies + (before?.proxies ?? 0),
    });
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
}

/** What a proxy has of a type. */
export function typeStatus(delivery: Delivery): TypeStatus {
  const held = [...delivery.subscription.held].filter(([, version]) => version !== toldAbsent);
  const pending = new Set([...delivery.dirty, ...(delivery.inFlight?.items.keys() ?? [])]);
  return {
    held: Object.fromEntries(held.sort(([a], [b]) => (a < b ? -1 : 1))),
    pending: [...pending].sort(),
  };
}

/** What a proxy refuses at present. */
export function rejectionsOf(deliveries: Iterable<Delivery>): readonly RejectionStatus[] {
  return [...deliveries].flatMap((delivery) =>
    [...delivery.rejections.values()].map(({ typeUrl, name, message, origins }) => ({
      typeUrl,
      name,
      message,
      origins,
    })),
  );
}
