import type { Collection, Fetch, Graph, Index } from "#collections/graph.ts";
import { meshService } from "#model/kubernetes/mesh-service.ts";
import { hasLabels, type KubernetesObject } from "#model/kubernetes/object.ts";
import type { Service } from "#model/kubernetes/service.ts";
import type { PodTemplate } from "#model/kubernetes/workloads.ts";
import type { Objects } from "#sources/objects.ts";
import { type RoutingInputs, routingInputs } from "../routing-inputs.ts";

/** What checks look up. */
export interface CheckInputs {
  readonly objects: Objects;
  readonly servicesByAddress: Index<Service>;
  readonly routing: RoutingInputs;
  /** One for each kind of workload. */
  readonly templatesByLabel: readonly Index<Template>[];
}

/** What pods are made of: the template of a workload, or a pod itself. */
export interface Template {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the ports that its containers declare. */
  readonly portNames: readonly string[];
}

/** Makes the indexes that the checks share. */
export function checkInputs(graph: Graph, objects: Objects): CheckInputs {
  return {
    objects,
    servicesByAddress: objects.services.index("by address for checks", ({ spec }) =>
      spec.clusterIP === undefined || spec.clusterIP === "" || spec.clusterIP === "None"
        ? []
        : [spec.clusterIP],
    ),
    routing: routingInputs(
      objects,
      graph.derive("services for checks", objects.services, (service) => meshService(service)),
      "checks",
    ),
    templatesByLabel: templates(graph, objects).map((collection) =>
      collection.index("by label", ({ namespace, labels }) =>
        Object.entries(labels).map(([label, value]) => labelKey(namespace, label, value)),
      ),
    ),
  };
}

function labelKey(namespace: string, label: string, value: string): string {
  return `${namespace} ${label}=${value}`;
}

/** Templates of a namespace whose labels include all of a non-empty selector. */
export function selected(
  inputs: CheckInputs,
  fetch: Fetch,
  namespace: string,
  selector: Readonly<Record<string, string>>,
): readonly Template[] {
  const first = Object.entries(selector)[0];
  if (first === undefined) return [];
  return inputs.templatesByLabel
    .flatMap((index) => fetch.by(index, labelKey(namespace, ...first)))
    .filter(({ labels }) => hasLabels(labels, selector));
}

function templates(graph: Graph, objects: Objects): readonly Collection<Template>[] {
  return [
    graph.derive("templates of Deployment", objects.deployments, (owner) =>
      templateOf(owner, owner.spec.template),
    ),
    graph.derive("templates of StatefulSet", objects.statefulSets, (owner) =>
      templateOf(owner, owner.spec.template),
    ),
    graph.derive("templates of Job", objects.jobs, (owner) => templateOf(owner, owner.spec.template)),
    graph.derive("templates of Pod", objects.pods, (pod) => templateOf(pod, pod)),
  ];
}

function templateOf(owner: KubernetesObject, { metadata, spec }: PodTemplate): Template {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return {
    kind: owner.kind,
    namespace: owner.metadata.namespace ?? "default",
    name: owner.metadata.name,
    labels: metadata?.labels ?? {},
    portNames: containers.flatMap((container) => container.ports ?? []).flatMap(({ name }) => name ?? []),
  };
}
