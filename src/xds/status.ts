import type { Origin } from "#model/reference.ts";
import type { Delivery } from "./delivery.ts";
import { toldAbsent } from "./subscription.ts";

/** What the server knows of one connected proxy, as plain data. */
export interface ProxyStatus {
  /** As authenticated. */
  readonly id: string;
  /** What the proxy calls itself; not to be trusted. */
  readonly nodeId: string;
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

export function typeStatus(delivery: Delivery): TypeStatus {
  const held = [...delivery.subscription.held].filter(([, version]) => version !== toldAbsent);
  const pending = new Set([...delivery.dirty, ...(delivery.inFlight?.items.keys() ?? [])]);
  return {
    held: Object.fromEntries(held.sort(([a], [b]) => (a < b ? -1 : 1))),
    pending: [...pending].sort(),
  };
}

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
