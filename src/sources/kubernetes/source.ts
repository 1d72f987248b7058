// API objects from the API server of a cluster: the kinds that a mesh is made of, followed for as long as this is open.
// Kinds that somebody installs later are followed from then on, and only while they are installed.
import type { Collection, Graph } from "#collections/graph.ts";
import { type KubernetesClient, KubernetesError, pathOf } from "#kubernetes/client.ts";
import { resourcesAt } from "#kubernetes/discovery.ts";
import type { Secret } from "#model/kubernetes/configuration.ts";
import type { Problem } from "#model/reference.ts";
import type { Kind, MeshObjects } from "#sources/objects.ts";
import { apiOf, type KindApi } from "../schema/kinds.ts";
import { type Cell, openCell } from "./cell.ts";
import { followDefinitions } from "./definitions.ts";
import { reflect } from "./reflector.ts";
import { followSecrets } from "./secrets.ts";
import { type KindStatus, openStatus, type StatusBoard } from "./status.ts";
import { readStored } from "./stored-object.ts";

export interface KubernetesSourceOptions {
  /** Told when a kind is read for the first time, when it can no longer be followed, and when it is followed again. */
  readonly onStatus?: (status: KindStatus) => void;
}

export interface KubernetesSource {
  readonly objects: MeshObjects;
  /** What is wrong with single objects: fields without effect, and objects that are refused. */
  readonly problems: Collection<Problem>;
  /** Resolved once all that is there at the start has been read. */
  readonly ready: Promise<void>;
  /** Reads these Secrets too, for as long as they are there: each key is that of one. */
  readSecrets(wanted: Collection<string>): void;
  /** How each kind fares, in order of kind. While one is out of sync, its last state stands. */
  status(): readonly KindStatus[];
  close(): void;
}

/** Each kind by the collection that it fills. */
const kindOfCollection = {
  namespaces: "Namespace",
  pods: "Pod",
  services: "Service",
  endpointSlices: "EndpointSlice",
  gateways: "Gateway",
  gatewayClasses: "GatewayClass",
  httpRoutes: "HTTPRoute",
  grpcRoutes: "GRPCRoute",
  tcpRoutes: "TCPRoute",
  tlsRoutes: "TLSRoute",
  referenceGrants: "ReferenceGrant",
  backendTrafficPolicies: "XBackendTrafficPolicy",
  virtualServices: "VirtualService",
  destinationRules: "DestinationRule",
  serviceEntries: "ServiceEntry",
  workloadEntries: "WorkloadEntry",
  sidecars: "Sidecar",
  istioGateways: "Gateway.networking.istio.io",
  rateLimits: "RateLimit",
  adaptiveConcurrencies: "AdaptiveConcurrency",
} as const satisfies Readonly<Record<Exclude<keyof MeshObjects, "secrets">, Kind>>;

/** Pods that have ended serve nobody, and pile up where Jobs run. */
const queries: Partial<Readonly<Record<Kind, Readonly<Record<string, string>>>>> = {
  Pod: { fieldSelector: "status.phase!=Succeeded,status.phase!=Failed" },
};

/** One kind, and where it is. */
interface FollowedKind {
  readonly kind: Kind;
  readonly api: KindApi;
  readonly cell: Cell;
}

/** Starts to read. What goes wrong at the API server is told in `status`, and tried again; nothing throws. */
export function openKubernetes(
  graph: Graph,
  client: KubernetesClient,
  options: KubernetesSourceOptions = {},
): KubernetesSource {
  const problems = graph.source<Problem>("problems of stored objects");
  const kinds = Object.entries(kindOfCollection).map(([collection, kind]): [string, FollowedKind] => [
    collection,
    { kind, api: apiOf(kind), cell: openCell(graph, kind, problems) },
  ]);
  const followed = kinds.map(([, kind]) => kind);
  const status = openStatus(
    followed.map(({ kind, cell }) => ({ kind, count: () => cell.objects.size })),
    options.onStatus,
  );
  const closing = new AbortController();
  const secrets = graph.source<Secret>("Secret");
  followAll(client, followed, status, closing.signal);
  return {
    objects: {
      ...(Object.fromEntries(
        kinds.map(([collection, { cell }]) => [collection, cell.objects]),
      ) as unknown as MeshObjects),
      secrets,
    },
    problems,
    ready: status.ready,
    readSecrets: (wanted) => followSecrets(client, wanted, secrets, closing.signal),
    status: () => status.current(),
    close: () => closing.abort(),
  };
}

/** Follows the kinds of Kubernetes itself, and the custom ones while they are installed. */
function followAll(
  client: KubernetesClient,
  kinds: readonly FollowedKind[],
  status: StatusBoard,
  signal: AbortSignal,
): void {
  const follow = (kind: FollowedKind, until: AbortSignal) =>
    void followKind(client, kind, (error) => status.report(kind.kind, error), until);
  for (const kind of kinds.filter(({ api }) => !api.custom)) follow(kind, signal);
  const custom = kinds
    .filter(({ api }) => api.custom)
    .map((kind) => ({
      definition: `${kind.api.plural}.${kind.api.group}`,
      installed: (until: AbortSignal) => {
        status.installed(kind.kind);
        follow(kind, until);
      },
      missing: () => {
        kind.cell.replace(new Map());
        status.missing(kind.kind);
      },
    }));
  followDefinitions(client, custom, (error) => status.report("CustomResourceDefinition", error), signal);
}

/** Follows a kind until `signal` aborts. */
async function followKind(
  client: KubernetesClient,
  { kind, api, cell }: FollowedKind,
  onState: (error: Error | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  let apiVersion = "";
  await reflect(
    client,
    {
      path: async () => {
        const version = await servedVersion(client, api, signal);
        apiVersion = api.group === "" ? version : `${api.group}/${version}`;
        return pathOf({ ...api, version });
      },
      ...(queries[kind] === undefined ? {} : { query: queries[kind] }),
      keep: (stored) => readStored(kind, apiVersion, stored),
      replace: (all) => cell.replace(all),
      change: (key, read) => cell.change(key, read),
      onState,
    },
    signal,
  );
}

/** The first version that both sides know. Kubernetes' own kinds have had theirs for years. */
async function servedVersion(client: KubernetesClient, api: KindApi, signal: AbortSignal): Promise<string> {
  if (!api.custom) return api.versions[0] ?? "";
  for (const version of api.versions) {
    const resources = await resourcesAt(
      (path) => client.request("GET", path, { signal }),
      `${api.group}/${version}`,
    );
    if (resources.some((resource) => resource.kind === api.kind)) return version;
  }
  const message = `the API server serves ${api.kind} of ${api.group} in none of the versions that Heddle reads: ${api.versions.join(", ")}`;
  throw new KubernetesError(404, "NotFound", message);
}
