import { createHash } from "node:crypto";
import { type ImageStandIn, type PodStandIns, standInsOf } from "#model/image-stand-in.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Deployment, Job, PodTemplate, StatefulSet } from "#model/kubernetes/workloads.ts";
import type { ObjectReference, Problem } from "#model/reference.ts";

export type WorkloadKind = "Deployment" | "StatefulSet" | "Job" | "Pod";

/** Something that wants pods: how many, and like what. */
export interface Workload {
  /** `Kind namespace/name`. */
  readonly key: string;
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  /** The object that a user wrote: the workload itself, or the Gateway that it is made for. */
  readonly origin: ObjectReference;
  readonly replicas: number;
  /** How often a job is tried again. */
  readonly backOffLimit: number;
  /** A pod as it is to run, injected, but for what tells one from another. */
  readonly template: Pod;
  /** The containers as the user wrote them, in order: they name the fields of messages. */
  readonly written: PodTemplate["spec"];
  /** What its containers run instead of their images. */
  readonly standIns: PodStandIns;
  /** Differs if pods have to be replaced. */
  readonly revision: string;
  /** The directory of the file that defines it. */
  readonly directory: string;
}

/** Puts the sidecar into a pod where its namespace and the pod itself say so. */
export type Inject = (
  pod: Pod,
) =>
  | { readonly kind: "ready"; readonly pod: Pod; readonly warnings: readonly Problem[] }
  | { readonly kind: "refused"; readonly problem: Problem };

/** What users and gateways ask for, by kind. */
export interface WantedObjects {
  readonly deployments: readonly Deployment[];
  readonly statefulSets: readonly StatefulSet[];
  readonly jobs: readonly Job[];
  readonly pods: readonly Pod[];
  readonly standIns: readonly ImageStandIn[];
  /** Deployments made for Gateways; never injected. */
  readonly gateways: readonly { readonly origin: ObjectReference; readonly deployment: Deployment }[];
}

export interface WorkloadPlan {
  readonly workloads: readonly Workload[];
  readonly problems: readonly Problem[];
}

/** Turns objects into workloads. Pure, given `inject` is. A refused one is left out and reported. */
export function planWorkloads(
  wanted: WantedObjects,
  inject: Inject,
  directoryOf: (object: ObjectReference) => string,
): WorkloadPlan {
  const workloads: Workload[] = [];
  const problems: Problem[] = [];
  function add(draft: Draft, pod: Pod, injected: boolean): void {
    const result = injected ? inject(pod) : ({ kind: "ready", pod, warnings: [] } as const);
    const found = result.kind === "refused" ? [result.problem] : result.warnings;
    problems.push(...found.map((problem) => aboutOrigin(problem, draft)));
    if (result.kind === "refused") return;
    const directory = directoryOf(draft.origin);
    const standIns = standInsOf(draft.written, wanted.standIns);
    const revision = createHash("sha256")
      .update(JSON.stringify([result.pod, directory, standIns]))
      .digest("hex")
      .slice(0, 10);
    const key = `${draft.kind} ${draft.namespace}/${draft.name}`;
    workloads.push({ ...draft, key, template: result.pod, standIns, revision, directory });
  }
  for (const object of wanted.deployments)
    add(draftOf(object, object.spec.replicas ?? 1), templatePod(object), true);
  for (const { origin, deployment } of wanted.gateways)
    add({ ...draftOf(deployment, deployment.spec.replicas ?? 1), origin }, templatePod(deployment), false);
  for (const object of wanted.statefulSets)
    add(draftOf(object, object.spec.replicas ?? 1), statefulPod(object), true);
  for (const object of wanted.jobs)
    add({ ...draftOf(object, 1), backOffLimit: object.spec.backoffLimit ?? 6 }, templatePod(object), true);
  for (const pod of wanted.pods) add(podDraft(pod), pod, true);
  return { workloads, problems };
}

/** A problem with a pod is one with the object that a user wrote for it. */
function aboutOrigin(problem: Problem, { kind, origin }: Draft): Problem {
  const field =
    problem.field === undefined || kind === "Pod" ? problem.field : `spec.template.${problem.field}`;
  return { ...problem, object: origin, ...(field === undefined ? {} : { field }) };
}

type Draft = Omit<Workload, "template" | "standIns" | "revision" | "directory" | "key">;

function draftOf(object: Deployment | StatefulSet | Job, replicas: number): Draft {
  const namespace = object.metadata.namespace ?? "default";
  const { name } = object.metadata;
  return {
    kind: object.kind,
    namespace,
    name,
    origin: { kind: object.kind, namespace, name },
    replicas,
    backOffLimit: 0,
    written: object.spec.template.spec,
  };
}

function podDraft(pod: Pod): Draft {
  const namespace = pod.metadata.namespace ?? "default";
  const { name } = pod.metadata;
  return {
    kind: "Pod",
    namespace,
    name,
    origin: { kind: "Pod", namespace, name },
    replicas: 1,
    backOffLimit: 0,
    written: pod.spec,
  };
}

function templatePod(object: Deployment | StatefulSet | Job): Pod {
  const { template } = object.spec;
  const { labels, annotations } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: object.metadata.name,
      namespace: object.metadata.namespace ?? "default",
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [{ kind: ownerKind(object), name: object.metadata.name, uid: "" }],
    },
    spec: template.spec,
  };
}

/** A Deployment owns its pods through a ReplicaSet. */
function ownerKind(object: Deployment | StatefulSet | Job): string {
  return object.kind === "Deployment" ? "ReplicaSet" : object.kind;
}

function statefulPod(object: StatefulSet): Pod {
  const pod = templatePod(object);
  return object.spec.serviceName === undefined
    ? pod
    : { ...pod, spec: { ...pod.spec, subdomain: object.spec.serviceName } };
}

/** One pod of a workload: what the API server and the controllers add to the template. Pure. */
export function instanceOf(
  workload: Workload,
  instance: { readonly name: string; readonly uid: string; readonly createdAt: string },
): Pod {
  const { template, revision } = workload;
  const owners = (template.metadata.ownerReferences ?? []).map((owner) =>
    owner.kind === "ReplicaSet" ? { ...owner, name: `${workload.name}-${revision}` } : owner,
  );
  return {
    ...template,
    metadata: {
      ...template.metadata,
      name: instance.name,
      uid: instance.uid,
      creationTimestamp: instance.createdAt,
      labels: { ...template.metadata.labels, ...instanceLabels(workload, instance.name) },
      ...(owners.length === 0 ? {} : { ownerReferences: owners }),
    },
    spec: {
      ...template.spec,
      serviceAccountName: template.spec.serviceAccountName || "default",
      nodeName: "local",
      ...(workload.kind === "StatefulSet" ? { hostname: instance.name } : {}),
    },
  };
}

function instanceLabels(workload: Workload, name: string): Readonly<Record<string, string>> {
  const labels: Readonly<Record<WorkloadKind, Readonly<Record<string, string>>>> = {
    Deployment: { "pod-template-hash": workload.revision },
    StatefulSet: {
      "apps.kubernetes.io/pod-index": name.slice(workload.name.length + 1),
      "statefulset.kubernetes.io/pod-name": name,
    },
    Job: { "batch.kubernetes.io/job-name": workload.name, "job-name": workload.name },
    Pod: {},
  };
  return labels[workload.kind];
}
