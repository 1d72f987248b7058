import { hasLabels, type ObjectMeta } from "./object.ts";
import type { DestinationPolicy, PolicyOfPorts, Subset } from "./policy.ts";
import type { Origin } from "./reference.ts";
import { isVisible, type Visibility } from "./visibility.ts";
import type { Workload } from "./workload.ts";

/** What one object says of a host, and to which clients. */
export interface HostPolicy {
  /** By which of several the first is found. */
  readonly metadata: Required<Pick<ObjectMeta, "namespace" | "name">> & Pick<ObjectMeta, "creationTimestamp">;
  /** As it is written, which may be short or a wildcard. */
  readonly host: string;
  readonly visibility: Visibility;
  /** Of clients of its own namespace; undefined: it is for all. */
  readonly clientLabels?: Readonly<Record<string, string>>;
  /** Undefined: it says nothing of the whole host. */
  readonly policy?: PolicyOfPorts;
  readonly subsets: readonly Subset[];
  /** The Secrets that it names, in the namespaces of the clients. */
  readonly credentials: readonly string[];
  readonly origin: Origin;
}

/** Whether a policy may count for a client: by whom it is exported to, and by the client's labels. */
export function isFor(
  { metadata, visibility, clientLabels }: HostPolicy,
  client: Pick<Workload, "namespace" | "labels">,
): boolean {
  const isKnown = isVisible(visibility, client.namespace);
  if (!isKnown || clientLabels === undefined) return isKnown;
  return metadata.namespace === client.namespace && hasLabels(client.labels, clientLabels);
}

/**
 * All that is said for one host, the object that goes first at the front. The first one that has a policy for the whole
 * host decides it, and of subsets with one name the first one counts.
 */
export function destinationPolicy(policies: readonly HostPolicy[]): DestinationPolicy {
  const subsets = policies.flatMap((each) => each.subsets);
  return {
    policy: policies.find(({ policy }) => policy !== undefined)?.policy ?? { all: {}, ports: [] },
    subsets: subsets.filter(({ name }, index) => subsets.findIndex((other) => other.name === name) === index),
    origins: policies.map(({ origin }) => origin),
  };
}
