// What the xDS server asks of the rest: resources by name, computed only for names that a proxy watches.
import type { Collection, Demand } from "#collections/graph.ts";
import type { Origin } from "#model/reference.ts";
import type { Rejection } from "./rejection.ts";

/** Names one resource on the wire. */
export interface ResourceName {
  /** With the prefix `type.googleapis.com/`; see `type-urls.ts`. */
  readonly typeUrl: string;
  readonly name: string;
}

/** What a resource refers to. */
export interface Reference extends ResourceName {
  /** Set where the client does not wait for it by itself: it must be there, and not only be on the way. */
  readonly unawaited?: true;
}

/** One resource, encoded once however many proxies get it. */
export interface Resource {
  readonly kind: "resource";
  readonly name: string;
  /** Changes exactly when the content does. */
  readonly version: string;
  /** An encoded `envoy.service.discovery.v3.Resource` (name, aliases, version and all), put into responses as it is. */
  readonly encoded: Uint8Array;
  /** What must be there before this one is, such as the clusters that a virtual host names. */
  readonly references: readonly Reference[];
  /** The objects that made it. */
  readonly origins: readonly Origin[];
}

/** Asked for, and does not exist: the proxy is told so. */
export interface Absent {
  readonly kind: "absent";
}

/** Resources for proxies. `Client` is who asks, as authenticated. */
export interface Provider<Client> {
  /** By `keyOf`. No value means not known yet: nothing is said until there is one. */
  readonly resources: Demand<Resource | Absent>;
  /** The key of a resource; what depends on the asker is part of it. */
  keyOf(client: Client, name: ResourceName): string;
  /** By `audienceKeyOf`: when what is known of a client changes, so may the keys of what it gets. */
  readonly audiences: Pick<Collection<unknown>, "onChange">;
  audienceKeyOf(client: Client): string;
  /** By `wildcardKeyOf`: the names that a wildcard subscription means. */
  readonly wildcards: Demand<readonly string[]>;
  wildcardKeyOf(client: Client, typeUrl: string): string;
  /**
   * Whether a proxy may keep the version that it has. By default it may not; certificates that another control plane
   * issued are as good as ours.
   */
  mayKeep?(held: string, resource: Resource, name: ResourceName): boolean;
  /** What stands in for a resource that a proxy rejected, where it has no earlier version of it; of the same name. */
  substitute?(name: ResourceName, rejection: Pick<Rejection, "message" | "origins">): Resource | undefined;
}
