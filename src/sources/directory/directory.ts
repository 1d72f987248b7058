// API objects from files: plain Kubernetes YAML on one machine, watched.
import type { Collection, Graph, Source } from "#collections/graph.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { type ObjectReference, objectKey, type Problem } from "#model/reference.ts";
import type { Kind, ObjectOfKind, Objects } from "#sources/objects.ts";
import { parseField } from "../schema/field-path.ts";
import { type ClusterState, openClusterState } from "./cluster-state.ts";
import { endpointSlicesOfServices } from "./endpoint-slices.ts";
import { followFiles } from "./follow-files.ts";
import { type LocatedObject, lineOfObject, objectId, type ParsedFile, referenceTo } from "./parse-file.ts";

export interface DirectoryOptions {
  /** Files, and directories that are read recursively for `.yaml`, `.yml` and `.json`. */
  readonly paths: readonly string[];
  /**
   * The directory in which the local runner writes what actually is: pods and the addresses of services. Without it
   * the pods are those of the files, and services have the addresses that files give them.
   */
  readonly cluster?: string;
}

export interface DirectorySource {
  readonly objects: Objects;
  /** What is wrong with the files themselves; in the order of files and lines when sorted by key. */
  readonly problems: Collection<Problem>;
  /** Where an object, or a field of it, stands; undefined if no file has it. */
  locate(
    object: ObjectReference,
    field?: string,
  ): { readonly file: string; readonly line: number } | undefined;
  /** Resolved once what is there at the start has been read. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Reads the files and follows their changes. User errors end in `problems`; nothing throws. */
export function openDirectory(graph: Graph, options: DirectoryOptions): DirectorySource {
  const files = graph.source<ParsedFile>("files");
  const filesOfObject = files.index("by object", (file) => file.objects.keys());
  const cluster = options.cluster === undefined ? undefined : openClusterState(graph, options.cluster);
  const stopFollowing = followFiles(files, options.paths);
  const problems = graph.deriveMany("problems of files", files, (file, fetch) => {
    const duplicates = [...file.objects].flatMap(([id, object]) => {
      const used = fetch.by(filesOfObject, id)[0];
      return used === undefined || used.path === file.path ? [] : [duplicate(file, object, used, id)];
    });
    return [...file.problems, ...duplicates].map((problem, index) => [
      `${file.path} ${String(index).padStart(6, "0")}`,
      problem,
    ]);
  });
  return {
    objects: objectsOf(graph, files, cluster),
    problems,
    locate: ({ kind, namespace, name }, field) => {
      const id = objectId(kind, objectKey({ namespace, name }));
      const file = filesOfObject.get(id)[0];
      const object = file?.objects.get(id);
      if (file === undefined || object === undefined) return undefined;
      return { file: file.path, line: lineOfObject(object, field === undefined ? [] : parseField(field)) };
    },
    ready: Promise.resolve(),
    close: () => {
      stopFollowing();
      cluster?.close();
    },
  };
}

function duplicate(file: ParsedFile, object: LocatedObject, used: ParsedFile, id: string): Problem {
  const first = used.objects.get(id);
  const place = first === undefined ? used.path : `${used.path}:${lineOfObject(first)}`;
  return {
    severity: "error",
    message: `is defined in ${place} already, and that one is used; remove one of the two`,
    object: referenceTo(object),
    file: file.path,
    line: lineOfObject(object),
  };
}

function objectsOf(graph: Graph, files: Source<ParsedFile>, cluster: ClusterState | undefined): Objects {
  const ofKind = <K extends Kind>(kind: K): Collection<ObjectOfKind[K]> =>
    graph.deriveMany(`${kind} in files`, files, (file) =>
      [...file.objects.values()]
        .filter((object) => object.kind === kind)
        .map((object) => [object.key, object.value as unknown as ObjectOfKind[K]] as const),
    );
  const desiredPods = ofKind("Pod");
  const writtenServices = ofKind("Service");
  const pods = cluster?.pods ?? desiredPods;
  const services =
    cluster === undefined
      ? writtenServices
      : graph.derive("Service with address", writtenServices, (service, fetch, key) =>
          withAddress(service, fetch.get(cluster.serviceAddresses, key)),
        );
  return {
    namespaces: namespacesOf(graph, files, ofKind("Namespace")),
    pods,
    services,
    endpointSlices: endpointSlicesOfServices(graph, services, pods, ofKind("EndpointSlice")),
    serviceAccounts: ofKind("ServiceAccount"),
    configMaps: ofKind("ConfigMap"),
    secrets: ofKind("Secret"),
    deployments: ofKind("Deployment"),
    statefulSets: ofKind("StatefulSet"),
    jobs: ofKind("Job"),
    gateways: ofKind("Gateway"),
    httpRoutes: ofKind("HTTPRoute"),
    virtualServices: ofKind("VirtualService"),
    destinationRules: ofKind("DestinationRule"),
  };
}

function withAddress(service: Service, address: string | undefined): Service {
  if (address === undefined || service.spec.clusterIP === "None") return service;
  return { ...service, spec: { ...service.spec, clusterIP: address } };
}

/** Defined namespaces, and those that objects are in. */
function namespacesOf(
  graph: Graph,
  files: Source<ParsedFile>,
  defined: Collection<Namespace>,
): Collection<Namespace> {
  return graph.deriveMany("namespaces", files, (file, fetch) => {
    const names = new Set<string>();
    for (const { kind, key, value } of file.objects.values()) {
      const name = kind === "Namespace" ? key : value.metadata.namespace;
      if (name !== undefined) names.add(name);
    }
    return [...names].map((name) => [name, fetch.get(defined, name) ?? implicitNamespace(name)] as const);
  });
}

function implicitNamespace(name: string): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}
