// Rewrites gen/ from the API definitions that Kubernetes, the Gateway API and Istio publish in their Go modules:
// what the kinds are called, and the structure of those that Heddle reads. Needs Go and the network; run it as
// `node src/sources/schema/update.ts` when one of the versions in published.ts changes.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { GATEWAY_API, ISTIO, ISTIO_DEFINITIONS, KUBERNETES, moduleDirectory } from "./published.ts";
import type { KindDescription, Schema } from "./schema.ts";

/** Kinds of Kubernetes whose structure is kept, with the name of their definition. */
const KUBERNETES_KINDS: Readonly<Record<string, string>> = {
  "/Namespace": "core.v1.Namespace",
  "/Pod": "core.v1.Pod",
  "/Service": "core.v1.Service",
  "/ServiceAccount": "core.v1.ServiceAccount",
  "/ConfigMap": "core.v1.ConfigMap",
  "/Secret": "core.v1.Secret",
  "discovery.k8s.io/EndpointSlice": "discovery.v1.EndpointSlice",
  "apps/Deployment": "apps.v1.Deployment",
  "apps/StatefulSet": "apps.v1.StatefulSet",
  "batch/Job": "batch.v1.Job",
};

/** Custom resources whose structure is kept. */
const CUSTOM_KINDS = [
  "gateway.networking.k8s.io/HTTPRoute",
  "gateway.networking.k8s.io/GRPCRoute",
  "gateway.networking.k8s.io/ReferenceGrant",
  "gateway.networking.k8s.io/GatewayClass",
  "gateway.networking.k8s.io/Gateway",
  "networking.istio.io/VirtualService",
  "networking.istio.io/DestinationRule",
];

const PORT: Partial<Schema> = { minimum: 1, maximum: 65535 };
const PROTOCOL: Partial<Schema> = { enum: ["TCP", "UDP", "SCTP"] };

/** What Kubernetes checks by code rather than by its published definitions. */
const ADDITIONS: Readonly<Record<string, Partial<Schema>>> = {
  "core.v1.Pod": { required: ["spec"] },
  "core.v1.Service": { required: ["spec"] },
  "apps.v1.Deployment": { required: ["spec"] },
  "apps.v1.StatefulSet": { required: ["spec"] },
  "batch.v1.Job": { required: ["spec"] },
  "core.v1.PodTemplateSpec": { required: ["spec"] },
  "core.v1.ServicePort.port": PORT,
  "core.v1.ServicePort.protocol": PROTOCOL,
  "core.v1.ServiceSpec.type": { enum: ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] },
  "core.v1.ContainerPort.containerPort": PORT,
  "core.v1.ContainerPort.protocol": PROTOCOL,
  "core.v1.PodSpec.containers": { minItems: 1 },
  "core.v1.PodSpec.restartPolicy": { enum: ["Always", "OnFailure", "Never"] },
  "core.v1.Container.restartPolicy": { enum: ["Always", "OnFailure", "Never"] },
  "core.v1.Container.imagePullPolicy": { enum: ["Always", "IfNotPresent", "Never"] },
  "core.v1.HTTPGetAction.scheme": { enum: ["HTTP", "HTTPS"] },
  "core.v1.GRPCAction.port": PORT,
  "core.v1.EmptyDirVolumeSource.sizeLimit": { type: "quantity" },
  "discovery.v1.EndpointSlice.addressType": { enum: ["IPv4", "IPv6", "FQDN"] },
  "discovery.v1.EndpointPort.protocol": PROTOCOL,
  "meta.v1.LabelSelectorRequirement.operator": { enum: ["In", "NotIn", "Exists", "DoesNotExist"] },
  "apps.v1.DeploymentSpec.replicas": { minimum: 0 },
  "apps.v1.StatefulSetSpec.replicas": { minimum: 0 },
};

const DURATION = "^(([0-9]+(\\.[0-9]+)?)(h|m|s|ms))+$";
const COPIED = [
  "type",
  "enum",
  "pattern",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
];

type Published = Readonly<Record<string, unknown>>;

/** `io.k8s.api.core.v1.Pod` → `core.v1.Pod` */
function shortName(name: string): string {
  return name.replace(/^.*\//u, "").replace(/^io\.k8s\.(?:api|apimachinery\.pkg(?:\.apis)?)\./u, "");
}

/** The names of which at most one may be present, from `oneOf: [{not: …}, {required: [a]}, {required: [b]}]`. */
function exclusiveNames(node: Published): readonly (readonly string[])[] {
  const sets = [
    node["oneOf"],
    ...((node["allOf"] as Published[] | undefined) ?? []).map((part) => part["oneOf"]),
  ];
  return sets.flatMap((alternatives) => {
    const names = ((alternatives as Published[] | undefined) ?? []).flatMap(
      (alternative) => (alternative["required"] as string[] | undefined) ?? [],
    );
    return names.length > 1 ? [[...new Set(names)]] : [];
  });
}

/** Strips a published definition to what the walker checks. */
function compact(node: Published): Schema {
  const reference = (node["$ref"] ?? (node["allOf"] as Published[] | undefined)?.[0]?.["$ref"]) as
    | string
    | undefined;
  if (reference !== undefined) return { ref: shortName(reference) };
  if (node["format"] === "int-or-string" || node["x-kubernetes-int-or-string"] === true)
    return { type: "int-or-string" };
  const schema: Record<string, unknown> = {};
  for (const key of COPIED) if (node[key] !== undefined) schema[key] = node[key];
  const required = node["required"] as string[] | undefined;
  if (required !== undefined) schema["required"] = required;
  if (node["items"] !== undefined) schema["items"] = compact(node["items"] as Published);
  const values = node["additionalProperties"];
  if (typeof values === "object" && values !== null) schema["values"] = compact(values as Published);
  if (node["x-kubernetes-preserve-unknown-fields"] === true || values === true) schema["open"] = true;
  if (node["properties"] !== undefined) {
    schema["properties"] = Object.fromEntries(
      Object.entries(node["properties"] as Record<string, Published>).map(([name, property]) => [
        name,
        compact(property),
      ]),
    );
  } else if (node["type"] === "object" && schema["values"] === undefined) schema["open"] = true;
  const exclusive = exclusiveNames(node);
  if (exclusive.length > 0) schema["exclusive"] = exclusive;
  const rules = (node["x-kubernetes-validations"] as { rule: string }[] | undefined) ?? [];
  if (rules.some(({ rule }) => rule.includes("duration(self)"))) schema["pattern"] = DURATION;
  return schema;
}

function kubernetesDefinitions(directory: string): Map<string, Published> {
  const definitions = new Map<string, Published>();
  for (const file of readdirSync(directory).filter((name) => /_v\d+_openapi\.json$/u.test(name))) {
    const document = JSON.parse(readFileSync(join(directory, file), "utf8")) as {
      components: { schemas: Record<string, Published> };
    };
    for (const [name, schema] of Object.entries(document.components.schemas))
      definitions.set(shortName(name), schema);
  }
  return definitions;
}

function addTo(schema: Schema, name: string): Schema {
  const properties = Object.entries(schema.properties ?? {}).map(([field, property]): [string, Schema] => [
    field,
    { ...property, ...ADDITIONS[`${name}.${field}`] },
  ]);
  return {
    ...schema,
    ...(schema.properties === undefined ? {} : { properties: Object.fromEntries(properties) }),
    ...ADDITIONS[name],
  };
}

/** The definitions that `roots` need. */
function reachable(
  definitions: ReadonlyMap<string, Published>,
  roots: readonly string[],
): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const visit = (name: string): void => {
    if (found[name] !== undefined) return;
    const published = definitions.get(name);
    if (published === undefined) throw new Error(`no definition ${name}`);
    const schema = SPECIAL[name] ?? addTo(compact(published), name);
    found[name] = schema;
    JSON.stringify(schema, (key, value: unknown) => {
      if (key === "ref") visit(value as string);
      return value;
    });
  };
  for (const root of roots) visit(root);
  return found;
}

const SPECIAL: Readonly<Record<string, Schema>> = {
  "api.resource.Quantity": { type: "quantity" },
  "meta.v1.FieldsV1": { open: true },
};

interface CustomResourceDefinition {
  readonly kind: string;
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Published };
    }[];
  };
}

function customResources(files: readonly string[]): readonly CustomResourceDefinition["spec"][] {
  return files
    .flatMap((file) => loadAll(readFileSync(file, "utf8")) as CustomResourceDefinition[])
    .filter((document) => document?.kind === "CustomResourceDefinition")
    .map((document) => document.spec);
}

/** Versions with the one to recommend first: stable before beta before alpha. */
function byStability(versions: readonly string[]): string[] {
  return [...versions].sort((a, b) => stability(b).localeCompare(stability(a)));
}

/** `v1alpha1` < `v1beta1` < `v1z` < `v2z` */
function stability(version: string): string {
  return version.replace(/^(v\d+)$/u, "$1z");
}

function kubernetesKinds(directory: string): Record<string, KindDescription> {
  const kinds: Record<string, { versions: string[]; namespaced: boolean }> = {};
  for (const file of readdirSync(directory).filter((name) => /_v\w+_openapi\.json$/u.test(name))) {
    const { paths } = JSON.parse(readFileSync(join(directory, file), "utf8")) as {
      paths: Record<
        string,
        { post?: { "x-kubernetes-group-version-kind"?: { group: string; kind: string; version: string } } }
      >;
    };
    for (const [path, { post }] of Object.entries(paths)) {
      const names = post?.["x-kubernetes-group-version-kind"];
      if (names === undefined || /\/\{name\}\//u.test(path.replace("/namespaces/{namespace}", ""))) continue;
      const kind = (kinds[`${names.group}/${names.kind}`] ??= { versions: [], namespaced: false });
      if (!kind.versions.includes(names.version)) kind.versions.push(names.version);
      if (path.includes("{namespace}")) kind.namespaced = true;
    }
  }
  return kinds;
}

function write(name: string, content: unknown): void {
  writeFileSync(new URL(`./gen/${name}.json`, import.meta.url), `${JSON.stringify(content)}\n`);
}

const openapi = join(moduleDirectory(KUBERNETES), "api/openapi-spec/v3");
const gatewayApi = join(moduleDirectory(GATEWAY_API), "config/crd/experimental");
const istio = join(moduleDirectory(ISTIO), ISTIO_DEFINITIONS);
const custom = customResources([
  ...readdirSync(gatewayApi)
    .filter((name) => name.startsWith("gateway."))
    .map((name) => join(gatewayApi, name)),
  istio,
]);

rmSync(new URL("./gen", import.meta.url), { recursive: true, force: true });
mkdirSync(new URL("./gen", import.meta.url));
const kinds = kubernetesKinds(openapi);
for (const { group, names, scope, versions } of custom) {
  kinds[`${group}/${names.kind}`] = {
    versions: versions.map(({ name }) => name),
    namespaced: scope === "Namespaced",
  };
}
write(
  "kinds",
  Object.fromEntries(
    Object.entries(kinds)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { versions, namespaced }]) => [name, { versions: byStability(versions), namespaced }]),
  ),
);
write("kubernetes", {
  kinds: KUBERNETES_KINDS,
  definitions: reachable(kubernetesDefinitions(openapi), Object.values(KUBERNETES_KINDS)),
});
for (const name of CUSTOM_KINDS) {
  const resource = custom.find(({ group, names }) => `${group}/${names.kind}` === name);
  const version = byStability(resource?.versions.map((candidate) => candidate.name) ?? [])[0];
  const published = resource?.versions.find((candidate) => candidate.name === version)?.schema
    .openAPIV3Schema;
  if (published === undefined) throw new Error(`no definition of ${name}`);
  const schema = compact(published);
  write(name.replace("/", "."), {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { ref: "meta.v1.ObjectMeta" },
      status: { open: true },
    },
    required: ["spec"],
  });
}
