// What objects say about each other and cannot be right: a backend that does not exist, a subset nobody defined.
// Each check is a pure function of one object and of what it fetches, so an edit re-checks only what it touches.
import type { Collection, Fetch, Graph } from "#collections/graph.ts";
import type { KubernetesObject } from "#model/object.ts";
import { kindName, type Problem } from "#model/reference.ts";
import type { LocalObjects, MeshObjects } from "#sources/objects.ts";
import type { CheckFinding } from "../finding.ts";
import type { RoutingInputs } from "../routing/routing-inputs.ts";
import { checkBackendTrafficPolicy } from "./backend-traffic-policy.ts";
import { checkConnectionRoute } from "./connection-route.ts";
import { checkDestinationRule } from "./destination-rule.ts";
import { checkGateway } from "./gateway.ts";
import { checkGrpcRoute } from "./grpc-route.ts";
import { checkHttpRoute } from "./http-route.ts";
import { type CheckInputs, localCheckInputs } from "./inputs.ts";
import { checkIstioGateway } from "./istio-gateway.ts";
import { checkAdaptiveConcurrency, checkRateLimit } from "./policy.ts";
import { checkService } from "./service.ts";
import { checkServiceEntry } from "./service-entry.ts";
import { checkSidecar } from "./sidecar.ts";
import { checkVirtualService } from "./virtual-service.ts";
import { checkDeployment, checkJob, checkPod, checkStatefulSet } from "./workload.ts";
import { checkWorkloadEntry } from "./workload-entry.ts";

/** The kinds of routes and policies, whose checks need nothing that a cluster's control plane does not read. */
const checkedKinds: readonly CheckedKind[] = [
  checked("Gateway", (objects) => objects.gateways, checkGateway),
  checked("HTTPRoute", (objects) => objects.httpRoutes, checkHttpRoute),
  checked("GRPCRoute", (objects) => objects.grpcRoutes, checkGrpcRoute),
  checked("TCPRoute", (objects) => objects.tcpRoutes, checkConnectionRoute),
  checked("TLSRoute", (objects) => objects.tlsRoutes, checkConnectionRoute),
  checked("XBackendTrafficPolicy", (objects) => objects.backendTrafficPolicies, checkBackendTrafficPolicy),
  checked("VirtualService", (objects) => objects.virtualServices, checkVirtualService),
  checked("Gateway.networking.istio.io", (objects) => objects.istioGateways, checkIstioGateway),
  checked("DestinationRule", (objects) => objects.destinationRules, checkDestinationRule),
  checked("RateLimit", (objects) => objects.rateLimits, checkRateLimit),
  checked("AdaptiveConcurrency", (objects) => objects.adaptiveConcurrencies, checkAdaptiveConcurrency),
  checked("ServiceEntry", (objects) => objects.serviceEntries, checkServiceEntry),
  checked("WorkloadEntry", (objects) => objects.workloadEntries, checkWorkloadEntry),
  checked("Sidecar", (objects) => objects.sidecars, checkSidecar),
];

interface CheckedKind {
  readonly kind: string;
  /** Of all objects that there are. */
  readonly problems: (graph: Graph, inputs: CheckInputs) => Collection<Problem>;
  /** Of one of the kind that is not there yet. */
  readonly findings: (object: KubernetesObject, inputs: CheckInputs) => readonly CheckFinding[];
}

function checked<T extends KubernetesObject>(
  kind: string,
  collectionOf: (objects: MeshObjects) => Collection<T>,
  check: Check<T, CheckInputs>,
): CheckedKind {
  return {
    kind,
    problems: (graph, inputs) => checker(graph, inputs)(collectionOf(inputs.objects), kind, check),
    findings: (object, inputs) => check(object as T, inputs, readNow),
  };
}

type Check<T, I> = (object: T, inputs: I, fetch: Fetch) => readonly CheckFinding[];

/**
 * Problems of routes and policies, in one collection for each kind checked; they name object and field, not yet the
 * file. On a cluster these are all: the API server and its controllers see to the rest.
 */
export function checkMesh(graph: Graph, inputs: CheckInputs): readonly Collection<Problem>[] {
  return checkedKinds.map(({ problems }) => problems(graph, inputs));
}

/** What is wrong with one object that is not there yet, beside those that are. */
export function checkProposed(object: KubernetesObject, inputs: CheckInputs): readonly Problem[] {
  const kind = kindName(object);
  const found = checkedKinds.find((each) => each.kind === kind)?.findings(object, inputs) ?? [];
  return found.map((finding) => problemOf(kind, object, finding));
}

/**
 * `checkMesh` for local mode, where nobody else checks services and what pods are made of. `routing` is that of the mesh
 * where one is compiled beside the checks.
 */
export function checkObjects(
  graph: Graph,
  objects: LocalObjects,
  routing?: RoutingInputs,
): readonly Collection<Problem>[] {
  const inputs = localCheckInputs(graph, objects, routing);
  const check = checker(graph, inputs);
  return [
    check(objects.services, "Service", checkService),
    check(objects.deployments, "Deployment", checkDeployment),
    check(objects.statefulSets, "StatefulSet", checkStatefulSet),
    check(objects.jobs, "Job", checkJob),
    check(objects.pods, "Pod", checkPod),
    ...checkMesh(graph, inputs),
  ];
}

function checker<I>(graph: Graph, inputs: I) {
  return <T extends KubernetesObject>(
    from: Collection<T>,
    kind: string,
    check: Check<T, I>,
  ): Collection<Problem> =>
    graph.deriveMany(`problems of ${kind}`, from, (object, fetch, key) =>
      check(object, inputs, fetch).map((finding, index): readonly [string, Problem] => [
        `${key} ${index}`,
        problemOf(kind, object, finding),
      ]),
    );
}

function problemOf(kind: string, object: KubernetesObject, finding: CheckFinding): Problem {
  const { namespace = "", name } = object.metadata;
  return { ...finding, object: { kind, namespace, name } };
}

/** Reads what is there, without a record: the answer is given once. */
export const readNow: Fetch = {
  get: (collection, key) => collection.get(key),
  by: (index, value) => index.get(value),
  all: (collection) => [...collection.entries()].map(([, item]) => item),
};
