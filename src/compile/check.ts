// What objects say about each other and cannot be right: a backend that does not exist, a subset nobody defined.
// Each check is a pure function of one object and of what it fetches, so an edit re-checks only what it touches.
import type { Collection, Fetch, Graph } from "#collections/graph.ts";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import type { Problem } from "#model/reference.ts";
import type { Objects } from "#sources/objects.ts";
import { checkDestinationRule } from "./checks/destination-rule.ts";
import type { CheckFinding } from "./checks/finding.ts";
import { checkGateway } from "./checks/gateway.ts";
import { checkGrpcRoute } from "./checks/grpc-route.ts";
import { checkHttpRoute } from "./checks/http-route.ts";
import { type CheckInputs, checkInputs } from "./checks/inputs.ts";
import { checkService } from "./checks/service.ts";
import { checkVirtualService } from "./checks/virtual-service.ts";
import { checkDeployment, checkJob, checkPod, checkStatefulSet } from "./checks/workload.ts";

/** Problems between objects, in one collection for each kind checked; they name object and field, not yet the file. */
export function checkObjects(graph: Graph, objects: Objects): readonly Collection<Problem>[] {
  const inputs = checkInputs(graph, objects);
  const check = <T extends KubernetesObject>(
    from: Collection<T>,
    kind: string,
    findings: (object: T, inputs: CheckInputs, fetch: Fetch) => readonly CheckFinding[],
  ): Collection<Problem> =>
    graph.deriveMany(`problems of ${kind}`, from, (object, fetch, key) =>
      findings(object, inputs, fetch).map((finding, index): readonly [string, Problem] => [
        `${key} ${index}`,
        problemOf(kind, object, finding),
      ]),
    );
  return [
    check(objects.services, "Service", checkService),
    check(objects.deployments, "Deployment", checkDeployment),
    check(objects.statefulSets, "StatefulSet", checkStatefulSet),
    check(objects.jobs, "Job", checkJob),
    check(objects.pods, "Pod", checkPod),
    check(objects.gateways, "Gateway", checkGateway),
    check(objects.httpRoutes, "HTTPRoute", checkHttpRoute),
    check(objects.grpcRoutes, "GRPCRoute", checkGrpcRoute),
    check(objects.virtualServices, "VirtualService", checkVirtualService),
    check(objects.destinationRules, "DestinationRule", checkDestinationRule),
  ];
}

function problemOf(kind: string, object: KubernetesObject, finding: CheckFinding): Problem {
  const { namespace = "", name } = object.metadata;
  return { ...finding, object: { kind, namespace, name } };
}
