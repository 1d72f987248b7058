// What one replica does for all: everything that Heddle writes into a cluster, but for the CA and events.
import type { Collection, Graph } from "#collections/graph.ts";
import type { Mesh } from "#compile/mesh.ts";
import { statusesOf } from "#compile/status/status.ts";
import type { InjectionSettings } from "#injector/settings.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { gatewayController } from "#model/installation.ts";
import type { Problem } from "#model/reference.ts";
import type { RejectedResource } from "#model/status.ts";
import type { MeshObjects } from "#sources/objects.ts";
import type { AllReplicas } from "./all-replicas.ts";
import { keepCaBundles } from "./ca-bundles.ts";
import { writeDependencies } from "./dependencies-config-map.ts";
import {
  desiredGatewayObjects,
  gatewayFieldManager,
  gatewaySelections,
  isGatewayObjectOfOurs,
} from "./gateway-objects.ts";
import { keepApplied } from "./keep-applied.ts";
import type { LearnedDependencies } from "./learned-dependencies.ts";
import { collectRejections } from "./rejections.ts";
import { desiredTrustBundles, trustBundleFieldManager, trustBundleSelections } from "./trust-bundles.ts";
import { writeStatuses } from "./write-statuses.ts";

export interface LeaderDuties {
  readonly client: KubernetesClient;
  readonly objects: MeshObjects;
  readonly mesh: Mesh;
  /** Those of `checkMesh`. */
  readonly problems: readonly Collection<Problem>[];
  readonly rootPem: string;
  readonly injection: InjectionSettings;
  readonly replicas: AllReplicas;
  readonly learned: LearnedDependencies;
  readonly onFailure: (what: string, error: unknown) => void;
}

/**
 * Derives what shall be, on every replica, so that a leader need not begin with that. What is returned writes it, until
 * the signal aborts; it must not be called before the objects are known.
 */
export function prepareLeading(graph: Graph, duties: LeaderDuties): (signal: AbortSignal) => void {
  const { client, objects, mesh, problems, rootPem, injection, replicas, learned, onFailure } = duties;
  const trustBundles = desiredTrustBundles(graph, objects, rootPem);
  const classes = graph.derive("gateway classes of ours", objects.gatewayClasses, ({ spec }) =>
    spec.controllerName === gatewayController ? true : undefined,
  );
  const gatewayObjects = desiredGatewayObjects(graph, objects.gateways, classes, injection);
  const rejections = graph.source<RejectedResource>("rejections");
  const statuses = statusesOf(graph, {
    objects,
    mesh,
    problems,
    rejections,
    gatewayAddresses: [],
    now: () => new Date(),
  });
  return (signal) => {
    const kept = { client, onFailure };
    keepApplied(
      {
        ...kept,
        fieldManager: trustBundleFieldManager,
        desired: trustBundles,
        selections: trustBundleSelections,
        isOurs: () => true,
      },
      signal,
    );
    keepApplied(
      {
        ...kept,
        fieldManager: gatewayFieldManager,
        desired: gatewayObjects,
        selections: gatewaySelections,
        isOurs: isGatewayObjectOfOurs,
      },
      signal,
    );
    keepCaBundles(client, rootPem, onFailure, signal);
    // A status written before would say that no proxy refuses anything.
    const whenKnown = () => {
      graph.settle();
      writeStatuses(client, statuses, onFailure, signal);
    };
    void collectRejections(rejections, () => replicas.rejections(), whenKnown, signal);
    void writeDependencies(client, learned, () => replicas.dependencies(), onFailure, signal);
  };
}
