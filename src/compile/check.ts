// What objects say about each other and cannot be right: a backend that does not exist, a subset nobody defined.
// Each check is a pure function of one object and of what it fetches, so an edit re-checks only what it touches.
import type { Collection, Fetch, Graph } from "#collections/graph.ts";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import { kindName, type Problem } from "#model/reference.ts";
import type { LocalObjects, MeshObjects } from "#sources/objects.ts";
import { checkBackendTrafficPolicy } from "./checks/backend-traffic-policy.ts";
import { checkDestinationRule } from "./checks/destination-rule.ts";
import type { CheckFinding } from "./checks/finding.ts";
import { checkGateway } from "./checks/gateway.ts";
import { checkGrpcRoute } from "./checks/grpc-route.ts";
import { checkHttpRoute } from "./checks/http-route.ts";
import { type CheckInputs, checkInputs, type LocalCheckInputs, localCheckInputs } from "./checks/inputs.ts";
import { checkIstioGateway } from "./checks/istio-gateway.ts";
import { checkAdaptiveConcurrency, checkRateLimit } from "./checks/policy.ts";
import { checkService } from "./checks/service.ts";
import { checkServiceEntry } from "./checks/service-entry.ts";
import { checkSidecar } from "./checks/sidecar.ts";
import { checkVirtualService } from "./checks/virtual-service.ts";
import { checkDeployment, checkJob, checkPod, checkStatefulSet } from "./checks/workload.ts";
import { checkWorkloadEntry } from "./checks/workload-entry.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

/**
 * Problems of routes and policies, in one collection for each kind checked; they name object and field, not yet the
 * file. On a cluster these are all: the API server and its controllers see to the rest.
 */
export function checkMesh(
  graph: Graph,
  objects: MeshObjects,
  inputs: CheckInputs = checkInputs(graph, objects),
): readonly Collection<Problem>[] {
  return checkRouting(graph, objects, inputs);
}

/** What is wrong with one object that is not there yet, beside those that are. */
export function checkProposed(object: KubernetesObject, inputs: CheckInputs): readonly Problem[] {
  const kind = kindName(object);
  return (proposedChecks[kind]?.(object, inputs) ?? []).map((finding) => problemOf(kind, object, finding));
}

/**
 * The same for local mode, where nobody else checks services and what pods are made of. `routing` is that of the mesh
 * where one is compiled beside the checks.
 */
export function checkObjects(
  graph: Graph,
  objects: LocalObjects,
  routing?: RoutingInputs,
): readonly Collection<Problem>[] {
  const inputs = localCheckInputs(graph, objects, routing);
  const check = checker<LocalCheckInputs>(graph, inputs);
  return [
    check(objects.services, "Service", checkService),
    check(objects.deployments, "Deployment", checkDeployment),
    check(objects.statefulSets, "StatefulSet", checkStatefulSet),
    check(objects.jobs, "Job", checkJob),
    check(objects.pods, "Pod", checkPod),
    ...checkRouting(graph, objects, inputs),
  ];
}

function checkRouting(
  graph: Graph,
  objects: MeshObjects,
  inputs: CheckInputs,
): readonly Collection<Problem>[] {
  const check = checker<CheckInputs>(graph, inputs);
  return [
    check(objects.gateways, "Gateway", checkGateway),
    check(objects.httpRoutes, "HTTPRoute", checkHttpRoute),
    check(objects.grpcRoutes, "GRPCRoute", checkGrpcRoute),
    check(objects.backendTrafficPolicies, "XBackendTrafficPolicy", checkBackendTrafficPolicy),
    check(objects.virtualServices, "VirtualService", checkVirtualService),
    check(objects.istioGateways, "Gateway.networking.istio.io", checkIstioGateway),
    check(objects.destinationRules, "DestinationRule", checkDestinationRule),
    check(objects.rateLimits, "RateLimit", checkRateLimit),
    check(objects.adaptiveConcurrencies, "AdaptiveConcurrency", checkAdaptiveConcurrency),
    check(objects.serviceEntries, "ServiceEntry", checkServiceEntry),
    check(objects.workloadEntries, "WorkloadEntry", checkWorkloadEntry),
    check(objects.sidecars, "Sidecar", checkSidecar),
  ];
}

function checker<I>(graph: Graph, inputs: I) {
  return <T extends KubernetesObject>(
    from: Collection<T>,
    kind: string,
    findings: (object: T, inputs: I, fetch: Fetch) => readonly CheckFinding[],
  ): Collection<Problem> =>
    graph.deriveMany(`problems of ${kind}`, from, (object, fetch, key) =>
      findings(object, inputs, fetch).map((finding, index): readonly [string, Problem] => [
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

type ProposedCheck = (object: KubernetesObject, inputs: CheckInputs) => readonly CheckFinding[];

function proposed(
  findings: (object: never, inputs: CheckInputs, fetch: Fetch) => readonly CheckFinding[],
): ProposedCheck {
  // The kind is what the table below is read by.
  return (object, inputs) => findings(object as never, inputs, readNow);
}

/** The kinds of routes and policies, whose checks need nothing that a cluster's control plane does not read. */
const proposedChecks: Readonly<Record<string, ProposedCheck>> = {
  Gateway: proposed(checkGateway),
  HTTPRoute: proposed(checkHttpRoute),
  GRPCRoute: proposed(checkGrpcRoute),
  XBackendTrafficPolicy: proposed(checkBackendTrafficPolicy),
  VirtualService: proposed(checkVirtualService),
  "Gateway.networking.istio.io": proposed(checkIstioGateway),
  DestinationRule: proposed(checkDestinationRule),
  RateLimit: proposed(checkRateLimit),
  AdaptiveConcurrency: proposed(checkAdaptiveConcurrency),
  ServiceEntry: proposed(checkServiceEntry),
  WorkloadEntry: proposed(checkWorkloadEntry),
  Sidecar: proposed(checkSidecar),
};
