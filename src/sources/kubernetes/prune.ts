// What is kept of an object: what somebody reads. The rest would fill the memory, and its changes would wake stages for
// nothing: an edit of what is left out changes nothing at all.
import type { Container, HttpGetAction, Pod, Probe } from "#model/kubernetes/pod.ts";
import type { EndpointSlice } from "#model/kubernetes/service.ts";
import type { KubernetesObject, ObjectMeta } from "#model/object.ts";
import type { Kind } from "#sources/objects.ts";

/** The part of an object that Heddle reads. */
export function prune(kind: Kind, object: KubernetesObject): KubernetesObject {
  const metadata = pruneMetadata(object.metadata);
  switch (kind) {
    case "Pod":
      return prunePod(object as Pod, metadata);
    case "EndpointSlice":
      return pruneSlice(object as EndpointSlice, metadata);
    default:
      return { ...object, metadata };
  }
}

/** Annotations of others may be large (`last-applied-configuration`) or change all the time. */
const ownAnnotation = /(?:^|\.)(?:heddle\.dev|istio\.io|gateway\.networking\.k8s\.io)\//u;

function pruneMetadata(metadata: ObjectMeta): ObjectMeta {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => ownAnnotation.test(name));
  return present({
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    generation: metadata.generation,
    labels: metadata.labels,
    annotations: annotations.length === 0 ? undefined : Object.fromEntries(annotations),
    creationTimestamp: metadata.creationTimestamp,
    deletionTimestamp: metadata.deletionTimestamp,
    ownerReferences: metadata.ownerReferences?.map(({ kind, name, uid }) => ({ kind, name, uid })),
  });
}

function prunePod({ apiVersion, kind, spec, status }: Pod, metadata: ObjectMeta): Pod {
  return present({
    apiVersion,
    kind,
    // Of a pod nobody counts the changes of its spec.
    metadata: present({ ...metadata, generation: undefined }),
    spec: present({
      serviceAccountName: spec.serviceAccountName,
      hostname: spec.hostname,
      subdomain: spec.subdomain,
      nodeName: spec.nodeName,
      hostNetwork: spec.hostNetwork,
      initContainers: spec.initContainers?.map(pruneContainer),
      containers: spec.containers.map(pruneContainer),
    }),
    status: present({
      phase: status?.phase,
      podIP: status?.podIP,
      conditions: status?.conditions?.map(({ type, status: holds }) => ({ type, status: holds })),
    }),
  });
}

/** The arguments of a proxy alone are ten times as large as what is kept. */
function pruneContainer(container: Container): Container {
  const { name, image, ports, startupProbe, readinessProbe, livenessProbe, lifecycle } = container;
  const postStart = pruneHandler(lifecycle?.postStart);
  const preStop = pruneHandler(lifecycle?.preStop);
  return present({
    name,
    image,
    ports: ports?.map((port) =>
      present({ name: port.name, containerPort: port.containerPort, protocol: port.protocol }),
    ),
    startupProbe: pruneHandler(startupProbe),
    readinessProbe: pruneHandler(readinessProbe),
    livenessProbe: pruneHandler(livenessProbe),
    lifecycle: postStart === undefined && preStop === undefined ? undefined : present({ postStart, preStop }),
  });
}

/** The injector has rewritten what the proxy must answer to GETs; other probes and hooks do not concern it. */
function pruneHandler(handler: Pick<Probe, "httpGet"> | undefined): { httpGet: HttpGetAction } | undefined {
  if (handler?.httpGet === undefined) return undefined;
  const { path, port } = handler.httpGet;
  return { httpGet: present({ path, port }) };
}

function pruneSlice(slice: EndpointSlice, metadata: ObjectMeta): EndpointSlice {
  return present({
    apiVersion: slice.apiVersion,
    kind: slice.kind,
    // The time of its pods' last change is an annotation, and its spec is counted with it.
    metadata: present({ ...metadata, generation: undefined, ownerReferences: undefined }),
    addressType: slice.addressType,
    // A slice without endpoints has null here.
    endpoints: (slice.endpoints ?? []).map(({ addresses, conditions, hostname, nodeName, zone, targetRef }) =>
      present({
        addresses,
        conditions,
        hostname,
        nodeName,
        zone,
        targetRef:
          targetRef === undefined
            ? undefined
            : present({ kind: targetRef.kind, namespace: targetRef.namespace, name: targetRef.name }),
      }),
    ),
    ports: slice.ports?.map(({ name, port, protocol }) => present({ name, port, protocol })),
  });
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined | null> };

/** Without the fields that are not there, which the server may have as null. */
function present<T extends object>(fields: T): Present<T> {
  const kept: Partial<T> = {};
  for (const name of Object.keys(fields) as (keyof T)[]) {
    const value = fields[name];
    if (value !== undefined && value !== null) kept[name] = value;
  }
  return kept as Present<T>;
}
