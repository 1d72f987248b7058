// Rewrites gen/ from the API definitions that Kubernetes, the Gateway API and Istio publish in their Go modules, and
// from Heddle's own: what the kinds are called, and the structure of those that Heddle reads. Needs Go and the network;
// run it as `node src/sources/schema/update.ts` when one of the versions in published.ts or an own definition changes.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compact, type Published, shortName } from "./compact.ts";
import {
  byStability,
  CUSTOM_KINDS,
  customSchema,
  ownResources,
  publishedResources,
} from "./custom-resources.ts";
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
  "core.v1.ServicePort.targetPort": PORT,
  "core.v1.ServicePort.protocol": PROTOCOL,
  "core.v1.ServiceSpec.type": { enum: ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] },
  "core.v1.ContainerPort.containerPort": PORT,
  "core.v1.ContainerPort.protocol": PROTOCOL,
  "core.v1.PodSpec.containers": { minItems: 1 },
  "core.v1.PodSpec.restartPolicy": { enum: ["Always", "OnFailure", "Never"] },
  "core.v1.Container.restartPolicy": { enum: ["Always", "OnFailure", "Never"] },
  "core.v1.Container.imagePullPolicy": { enum: ["Always", "IfNotPresent", "Never"] },
  "core.v1.HTTPGetAction.scheme": { enum: ["HTTP", "HTTPS"] },
  "core.v1.HTTPGetAction.port": PORT,
  "core.v1.TCPSocketAction.port": PORT,
  "core.v1.GRPCAction.port": PORT,
  "core.v1.EmptyDirVolumeSource.sizeLimit": { type: "quantity" },
  "discovery.v1.EndpointSlice.addressType": { enum: ["IPv4", "IPv6", "FQDN"] },
  "discovery.v1.EndpointPort.port": PORT,
  "discovery.v1.EndpointPort.protocol": PROTOCOL,
  "meta.v1.LabelSelectorRequirement.operator": { enum: ["In", "NotIn", "Exists", "DoesNotExist"] },
  "apps.v1.DeploymentSpec.replicas": { minimum: 0 },
  "apps.v1.StatefulSetSpec.replicas": { minimum: 0 },
};

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

function kubernetesKinds(directory: string): Record<string, KindDescription> {
  const kinds: Record<string, { versions: string[]; namespaced: boolean; plural: string }> = {};
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
      const plural = path.slice(path.lastIndexOf("/") + 1);
      const kind = (kinds[`${names.group}/${names.kind}`] ??= { versions: [], namespaced: false, plural });
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
const custom = [
  ...publishedResources([
    ...readdirSync(gatewayApi)
      .filter((name) => name.startsWith("gateway."))
      .map((name) => join(gatewayApi, name)),
    istio,
  ]),
  ...ownResources(),
];

rmSync(new URL("./gen", import.meta.url), { recursive: true, force: true });
mkdirSync(new URL("./gen", import.meta.url));
const kinds = kubernetesKinds(openapi);
for (const { group, names, scope, versions } of custom) {
  kinds[`${group}/${names.kind}`] = {
    versions: versions.map(({ name }) => name),
    namespaced: scope === "Namespaced",
    plural: names.plural,
  };
}
write(
  "kinds",
  Object.fromEntries(
    Object.entries(kinds)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, kind]) => [name, { ...kind, versions: byStability(kind.versions) }]),
  ),
);
write("kubernetes", {
  kinds: KUBERNETES_KINDS,
  definitions: reachable(kubernetesDefinitions(openapi), Object.values(KUBERNETES_KINDS)),
});
for (const name of CUSTOM_KINDS) write(name.replace("/", "."), customSchema(name, custom));
