// Which kinds there are, which of them Heddle reads, and their schemas: read from gen/ when first needed.
import { readFileSync } from "node:fs";
import type { Kind } from "#sources/objects.ts";
import { suggestion } from "./finding.ts";
import type { KindDescription, Schema } from "./schema.ts";

/** What an `apiVersion` and a `kind` name. */
export type KindLookup =
  | { readonly kind: "read"; readonly name: Kind; readonly namespaced: boolean }
  /** A kind of a known API that does nothing here; `message` says so. */
  | { readonly kind: "ignored"; readonly message: string }
  /** No such kind, or no such version; `field` is the one to correct. */
  | { readonly kind: "unknown"; readonly field: "apiVersion" | "kind"; readonly message: string };

const readKinds: Readonly<Record<string, Kind>> = {
  "/Namespace": "Namespace",
  "/Pod": "Pod",
  "/Service": "Service",
  "/ServiceAccount": "ServiceAccount",
  "/ConfigMap": "ConfigMap",
  "/Secret": "Secret",
  "discovery.k8s.io/EndpointSlice": "EndpointSlice",
  "apps/Deployment": "Deployment",
  "apps/StatefulSet": "StatefulSet",
  "batch/Job": "Job",
  "gateway.networking.k8s.io/Gateway": "Gateway",
  "gateway.networking.k8s.io/GatewayClass": "GatewayClass",
  "gateway.networking.k8s.io/HTTPRoute": "HTTPRoute",
  "gateway.networking.k8s.io/GRPCRoute": "GRPCRoute",
  "gateway.networking.k8s.io/TCPRoute": "TCPRoute",
  "gateway.networking.k8s.io/TLSRoute": "TLSRoute",
  "gateway.networking.k8s.io/ReferenceGrant": "ReferenceGrant",
  "gateway.networking.x-k8s.io/XBackendTrafficPolicy": "XBackendTrafficPolicy",
  "networking.istio.io/VirtualService": "VirtualService",
  "networking.istio.io/DestinationRule": "DestinationRule",
  "networking.istio.io/ServiceEntry": "ServiceEntry",
  "networking.istio.io/WorkloadEntry": "WorkloadEntry",
  "networking.istio.io/Sidecar": "Sidecar",
  "networking.istio.io/Gateway": "Gateway.networking.istio.io",
  "heddle.dev/RateLimit": "RateLimit",
  "heddle.dev/AdaptiveConcurrency": "AdaptiveConcurrency",
};

/** Kinds of Kubernetes itself that mean something to a mesh or to local mode, but are not read yet. */
const laterKinds = new Set(["apps/DaemonSet", "apps/ReplicaSet", "/ReplicationController", "batch/CronJob"]);

/** The file that says how other files are put together; it stands beside manifests, and `kubectl apply -k` reads it. */
const kustomizeGroup = "kustomize.config.k8s.io";

/** Finds a kind by what an object says of itself. */
export function lookUpKind(apiVersion: string, kind: string): KindLookup {
  const slash = apiVersion.indexOf("/");
  const group = slash === -1 ? "" : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const id = `${group}/${kind}`;
  const description = knownKinds()[id];
  if (group === kustomizeGroup)
    return { kind: "ignored", message: `kind ${kind} has no effect in local mode` };
  if (description === undefined) return unknownKind(apiVersion, group, kind);
  if (!description.versions.includes(version)) {
    const message = `version ${version} of ${kind} is not supported; use apiVersion ${apiVersionOf(id, description)}`;
    return { kind: "unknown", field: "apiVersion", message };
  }
  const name = readKinds[id];
  if (name !== undefined) return { kind: "read", name, namespaced: description.namespaced };
  return { kind: "ignored", message: ignoredMessage(id, group, kind) };
}

function ignoredMessage(id: string, group: string, kind: string): string {
  if (id === "/Endpoints") return "kind Endpoints has no effect in local mode; write an EndpointSlice";
  const isMeshApi = group.startsWith("gateway.networking.") || group.endsWith(".istio.io");
  if (isMeshApi || laterKinds.has(id))
    return `kind ${kind}${isMeshApi ? ` (${group})` : ""} is not supported yet and has no effect`;
  return `kind ${kind} has no effect in local mode`;
}

function unknownKind(apiVersion: string, group: string, kind: string): KindLookup {
  const kinds = knownKinds();
  const elsewhere = Object.keys(kinds).find((id) => id.endsWith(`/${kind}`));
  if (elsewhere !== undefined) {
    const message = `there is no ${kind} in ${apiVersion}; use apiVersion ${apiVersionOf(elsewhere, kinds[elsewhere])}`;
    return { kind: "unknown", field: "apiVersion", message };
  }
  const ofGroup = Object.keys(kinds).flatMap((id) => (id.startsWith(`${group}/`) ? [nameIn(id)] : []));
  const meant = suggestion(kind, ofGroup) ?? suggestion(kind, Object.keys(readKinds).map(nameIn));
  const advice =
    meant === undefined
      ? "Heddle reads objects of Kubernetes, the Gateway API, Istio and heddle.dev; keep others elsewhere"
      : `did you mean ${meant}?`;
  return { kind: "unknown", field: "kind", message: `unknown kind ${kind} of ${apiVersion}; ${advice}` };
}

function nameIn(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}

function apiVersionOf(id: string, description: KindDescription | undefined): string {
  const group = id.slice(0, id.indexOf("/"));
  return `${group === "" ? "" : `${group}/`}${description?.versions[0] ?? ""}`;
}

/** Where an API server has a kind that Heddle reads. */
export interface KindApi {
  readonly group: string;
  /** What objects say that they are. */
  readonly kind: string;
  /** What URLs call them. */
  readonly plural: string;
  /** Those that Heddle can read; the one to use first. */
  readonly versions: readonly string[];
  readonly namespaced: boolean;
  /** It is there only once somebody has installed its definition. */
  readonly custom: boolean;
}

/** Where an API server has a kind that Heddle reads. */
export function apiOf(kind: Kind): KindApi {
  const id = idOf(kind);
  const description = knownKinds()[id];
  if (description === undefined) throw new Error(`no description of ${kind}`);
  const custom = kubernetes().kinds[id] === undefined;
  return { group: id.slice(0, id.indexOf("/")), kind: nameIn(id), ...description, custom };
}

function idOf(kind: Kind): string {
  return Object.keys(readKinds).find((id) => readKinds[id] === kind) ?? "";
}

/** The schema of a kind that Heddle reads. */
export function schemaOf(kind: Kind): Schema {
  const known = schemas.get(kind);
  if (known !== undefined) return known;
  const id = idOf(kind);
  const { kinds, definitions } = kubernetes();
  const definition = kinds[id];
  const schema =
    definition === undefined ? (readGenerated(id.replace("/", ".")) as Schema) : definitions[definition];
  if (schema === undefined) throw new Error(`no schema of ${kind}`);
  schemas.set(kind, schema);
  return schema;
}

/** The definitions that schemas refer to. */
export function sharedDefinitions(): Readonly<Record<string, Schema>> {
  return kubernetes().definitions;
}

interface KubernetesSchemas {
  readonly kinds: Readonly<Record<string, string>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}

const schemas = new Map<Kind, Schema>();
let kubernetesSchemas: KubernetesSchemas | undefined;
let kindDescriptions: Readonly<Record<string, KindDescription>> | undefined;

function kubernetes(): KubernetesSchemas {
  kubernetesSchemas ??= readGenerated("kubernetes") as KubernetesSchemas;
  return kubernetesSchemas;
}

function knownKinds(): Readonly<Record<string, KindDescription>> {
  kindDescriptions ??= readGenerated("kinds") as Readonly<Record<string, KindDescription>>;
  return kindDescriptions;
}

function readGenerated(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`./gen/${name}.json`, import.meta.url), "utf8"));
}
