// What became of objects: their conditions as the API server, or the control plane of this machine, has them; and how many
// proxies have them.
import type { KubernetesClient } from "#kubernetes/client.ts";
import { pathOf } from "#kubernetes/client.ts";
import { listAll } from "#kubernetes/list.ts";
import type { KubernetesObject } from "#model/object.ts";
import { kindName, type ObjectReference, objectKey, type Problem } from "#model/reference.ts";
import type { Kind } from "#sources/objects.ts";
import { apiOf } from "#sources/schema/kinds.ts";
import type { Acknowledgement } from "#xds/status.ts";
import { askMesh } from "./mesh-client.ts";
import type { Target } from "./target.ts";

export interface ObjectStatus {
  readonly object: ObjectReference;
  readonly conditions: readonly StatusCondition[];
  /** Null where no proxy uses what the object made. */
  readonly proxies: { readonly acknowledged: number; readonly all: number } | null;
}

export interface StatusCondition {
  /** The parent of a route, the target of a policy, or the listener of a gateway, that the condition is about. */
  readonly of?: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The kinds that have a status, in the order in which they are told. */
const kinds: readonly Kind[] = [
  "Gateway",
  "HTTPRoute",
  "GRPCRoute",
  "TCPRoute",
  "TLSRoute",
  "XBackendTrafficPolicy",
  "VirtualService",
  "DestinationRule",
  "Gateway.networking.istio.io",
  "ServiceEntry",
  "WorkloadEntry",
  "Sidecar",
  "RateLimit",
  "AdaptiveConcurrency",
];

/** Of one kind (`httproute`, `HTTPRoutes`, `gateways.networking.istio.io` …) or of all. Throws if there is no such kind. */
export async function readObjectStatuses(
  target: Target,
  wanted: string | undefined,
): Promise<readonly ObjectStatus[]> {
  const chosen = kindsNamed(wanted);
  const counts = await askMesh<readonly Acknowledgement[]>(target, "/acknowledgements");
  if (target.kind === "local") {
    const objects = await askMesh<readonly ObjectWithStatus[]>(target, "/statuses");
    const named = objects.filter((object) => chosen.some((kind) => kind === kindName(object)));
    return inOrder(named).map((object) => objectStatus(object, counts));
  }
  const { connectCluster } = await import("./cluster.ts");
  const client = await connectCluster(target.cluster);
  const objects = await Promise.all(chosen.map((kind) => listKind(client, kind)));
  return objects.flat().map((object) => objectStatus(object, counts));
}

/** What is wrong with a mesh on this machine, a line each: an object that was refused has no status. */
export async function readFileProblems(target: Target): Promise<readonly string[]> {
  if (target.kind !== "local") return [];
  const [{ formatProblem }, { askSupervisor }] = await Promise.all([
    import("#sources/directory/collect-problems.ts"),
    import("./supervisor-client.ts"),
  ]);
  // It knows those of the control plane too.
  return (await askSupervisor<readonly Problem[]>(target.state, "/problems")).map(formatProblem);
}

/** All, or those with a name. Throws if there is none. */
export function kindsNamed(wanted: string | undefined): readonly Kind[] {
  const chosen = kinds.filter((kind) => wanted === undefined || isNamed(kind, wanted));
  if (chosen.length > 0) return chosen;
  throw new Error(`kind ${wanted} has no status; these have one: ${kinds.join(", ")}`);
}

/** Those of the CRDs' short names. */
const shortNames: Readonly<Record<string, Kind>> = {
  gtw: "Gateway",
  gw: "Gateway.networking.istio.io",
  vs: "VirtualService",
  dr: "DestinationRule",
  se: "ServiceEntry",
  we: "WorkloadEntry",
};

/** As kubectl takes it; what two APIs have is both. */
function isNamed(kind: Kind, wanted: string): boolean {
  const api = apiOf(kind);
  const [word = "", ...group] = wanted.toLowerCase().split(".");
  if (shortNames[word] === kind) return group.length === 0;
  return (
    [api.kind.toLowerCase(), api.plural].includes(word) &&
    (group.length === 0 || group.join(".") === api.group)
  );
}

/** By kind, in the order of `kinds`, and by name. */
function inOrder(objects: readonly ObjectWithStatus[]): readonly ObjectWithStatus[] {
  const place = (object: ObjectWithStatus) => kinds.findIndex((kind) => kind === kindName(object));
  return objects.toSorted(
    (a, b) => place(a) - place(b) || objectKey(a.metadata).localeCompare(objectKey(b.metadata)),
  );
}

async function listKind(client: KubernetesClient, wanted: Kind): Promise<readonly ObjectWithStatus[]> {
  const { group, kind, versions } = apiOf(wanted);
  for (const version of versions) {
    const apiVersion = `${group}/${version}`;
    const resource = await client.resourceOf(apiVersion, kind);
    if (resource === undefined) continue;
    const items = await listAll<ObjectWithStatus>(client, pathOf(resource));
    // Items of a list do not say their kind.
    return items.map((item) => ({ ...item, apiVersion, kind }));
  }
  return [];
}

/**
 * Routes have conditions for each parent, policies for each target, gateways their own and those of listeners, Istio's
 * kinds their own.
 */
export interface ObjectWithStatus extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly StatusCondition[];
    readonly parents?: readonly {
      readonly parentRef: StatusReference;
      readonly conditions?: readonly StatusCondition[];
    }[];
    readonly ancestors?: readonly {
      readonly ancestorRef: StatusReference;
      readonly conditions?: readonly StatusCondition[];
    }[];
    readonly listeners?: readonly {
      readonly name: string;
      readonly conditions?: readonly StatusCondition[];
    }[];
  };
}

interface StatusReference {
  readonly kind?: string;
  readonly name: string;
  readonly sectionName?: string;
}

export function objectStatus(
  { apiVersion, kind: ownKind, metadata, status = {} }: ObjectWithStatus,
  counts: readonly Acknowledgement[],
): ObjectStatus {
  const { name, namespace = "" } = metadata;
  const kind = kindName({ apiVersion, kind: ownKind });
  const count = counts.find(
    ({ object }) => object.kind === kind && object.namespace === namespace && object.name === name,
  );
  const ofReferences = [
    ...(status.parents ?? []).map(({ parentRef, conditions }) => ({ reference: parentRef, conditions })),
    ...(status.ancestors ?? []).map(({ ancestorRef, conditions }) => ({
      reference: ancestorRef,
      conditions,
    })),
  ].flatMap(({ reference, conditions = [] }) => {
    const { kind: of = "Gateway", name: named, sectionName } = reference;
    const section = sectionName === undefined ? "" : `/${sectionName}`;
    return conditions.map((condition) => picked(condition, `${of} ${named}${section}`));
  });
  const ofListeners = (status.listeners ?? []).flatMap((listener) =>
    (listener.conditions ?? []).map((condition) => picked(condition, `listener ${listener.name}`)),
  );
  return {
    object: { kind, namespace, name },
    conditions: [...(status.conditions ?? []).map((each) => picked(each)), ...ofReferences, ...ofListeners],
    proxies: count === undefined ? null : { acknowledged: count.acknowledged, all: count.proxies },
  };
}

function picked({ type, status, reason, message }: StatusCondition, of?: string): StatusCondition {
  return { ...(of !== undefined && { of }), type, status, reason, message };
}
