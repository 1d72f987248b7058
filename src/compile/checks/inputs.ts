import type { Collection, Fetch, Graph, Index } from "#collections/graph.ts";
import { servicesOfEntry } from "#model/istio/service-entries.ts";
import type { ServiceEntry } from "#model/istio/service-entry.ts";
import type { Sidecar } from "#model/istio/sidecar.ts";
import { isGatewayTemplate } from "#model/kubernetes/gateway-template.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { proxyContainerName, proxyKind } from "#model/kubernetes/workload.ts";
import type { PodTemplate } from "#model/kubernetes/workloads.ts";
import { hasLabels, type KubernetesObject } from "#model/object.ts";
import type { LocalObjects, MeshObjects } from "#sources/objects.ts";
import { openTcpPorts } from "../outbound/reach.ts";
import type { RoutingInputs } from "../routing/routing-inputs.ts";
import { routingInputs } from "../routing/routing-lookups.ts";
import { meshServices } from "../services/mesh-services.ts";

/** What checks look up. */
export interface CheckInputs {
  readonly objects: MeshObjects;
  readonly routing: RoutingInputs;
  readonly sidecarsByNamespace: Index<Sidecar>;
  /** ServiceEntries that take all TCP to a port, by that. */
  readonly entriesByOpenPort: Index<ServiceEntry>;
  /** One for each kind of workload that is read. */
  readonly templatesByLabel: readonly Index<Template>[];
  /** The labels of whatever is a gateway's pod, or will be. */
  readonly gatewayLabels: readonly Collection<Labels>[];
}

type Labels = Readonly<Record<string, string>>;

/** What the checks of local mode look up. */
export interface LocalCheckInputs extends CheckInputs {
  readonly objects: LocalObjects;
  readonly servicesByAddress: Index<Service>;
}

/** What pods are made of: the template of a workload, or a pod itself. */
export interface Template {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the ports that its containers declare. */
  readonly portNames: readonly string[];
  /** Whether it has a proxy; templates have none, whatever their pods get. */
  readonly sidecar: boolean;
}

/** Makes the indexes that the checks share. `routing` is that of the mesh where one is compiled beside them. */
export function checkInputs(
  graph: Graph,
  objects: MeshObjects,
  routing: RoutingInputs = routingAlone(graph, objects),
): CheckInputs {
  return {
    objects,
    routing,
    sidecarsByNamespace: objects.sidecars.index("by namespace for checks", ({ metadata }) => [
      metadata.namespace ?? "default",
    ]),
    entriesByOpenPort: objects.serviceEntries.index("by open TCP port for checks", (entry) =>
      servicesOfEntry(entry).slice(0, 1).flatMap(openTcpPorts).map(String),
    ),
    templatesByLabel: [
      byLabel(graph.derive("templates of Pod", objects.pods, (pod) => templateOf(pod, pod))),
    ],
    gatewayLabels: [
      graph.derive("labels of gateway pods", objects.pods, (pod) =>
        isGatewayTemplate(pod) || proxyKind(pod.spec) === "gateway" ? (pod.metadata.labels ?? {}) : undefined,
      ),
      graph.derive("labels of Gateways", objects.gateways, ({ spec }) => spec.infrastructure?.labels),
    ],
  };
}

/** For checks where no mesh is compiled. */
function routingAlone(graph: Graph, objects: MeshObjects): RoutingInputs {
  return routingInputs(graph, objects, meshServices(graph, objects, "checks").all, "checks");
}

/** Makes the indexes of local mode. */
export function localCheckInputs(
  graph: Graph,
  objects: LocalObjects,
  routing?: RoutingInputs,
): LocalCheckInputs {
  const inputs = checkInputs(graph, objects, routing);
  return {
    ...inputs,
    objects,
    servicesByAddress: objects.services.index("by address for checks", ({ spec }) =>
      spec.clusterIP === undefined || spec.clusterIP === "" || spec.clusterIP === "None"
        ? []
        : [spec.clusterIP],
    ),
    templatesByLabel: [...workloadTemplates(graph, objects).map(byLabel), ...inputs.templatesByLabel],
    gatewayLabels: [
      ...inputs.gatewayLabels,
      graph.derive("labels of gateway Deployments", objects.deployments, ({ spec: { template } }) =>
        isGatewayTemplate(template) ? (template.metadata?.labels ?? {}) : undefined,
      ),
    ],
  };
}

function byLabel(templates: Collection<Template>): Index<Template> {
  return templates.index("by label", ({ namespace, labels }) =>
    Object.entries(labels).map(([label, value]) => labelKey(namespace, label, value)),
  );
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

function workloadTemplates(graph: Graph, objects: LocalObjects): readonly Collection<Template>[] {
  return [
    graph.derive("templates of Deployment", objects.deployments, (owner) =>
      templateOf(owner, owner.spec.template),
    ),
    graph.derive("templates of StatefulSet", objects.statefulSets, (owner) =>
      templateOf(owner, owner.spec.template),
    ),
    graph.derive("templates of Job", objects.jobs, (owner) => templateOf(owner, owner.spec.template)),
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
    sidecar: containers.some(({ name }) => name === proxyContainerName),
  };
}
