// What is said of objects in their statuses. It is made of the same facts as the configuration and as the problems.
import type { Collection, Graph } from "#collections/graph.ts";
import type { DesiredStatus, RejectedResource } from "#model/status.ts";
import type { MeshObjects } from "#sources/objects.ts";
import type { Mesh } from "./graph.ts";
import { conditionsOf, unlessPresent } from "./status/conditions.ts";
import { gatewayClassVerdicts } from "./status/gateway-class.ts";

/** What statuses are made of. */
export interface StatusInputs {
  readonly objects: MeshObjects;
  readonly mesh: Mesh;
  /** What proxies refuse at present, under any keys. */
  readonly rejections: Collection<RejectedResource>;
  /** For the times of transitions. */
  readonly now: () => Date;
}

/**
 * The statuses that are to be written, in one collection for each kind. An object has an item there while its status
 * is not what it should be: whoever writes all items, and again those that could not be written, is done when the
 * collections are empty. A status that somebody else changes comes back.
 */
export function statusesOf(graph: Graph, inputs: StatusInputs): readonly Collection<DesiredStatus>[] {
  const { objects, now } = inputs;
  return [
    graph.derive("status of GatewayClass", objects.gatewayClasses, (object) => {
      const verdicts = gatewayClassVerdicts(object);
      if (verdicts.length === 0) return undefined;
      const { generation } = object.metadata;
      return unlessPresent(object, {
        conditions: conditionsOf(verdicts, object.status?.conditions, { generation, now }),
      });
    }),
  ];
}
