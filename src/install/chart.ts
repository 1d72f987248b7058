// The Helm chart, made from the same manifests: what `heddle install` applies, with a few values left open.
import { dump } from "js-yaml";
import { type OutboundTrafficMode, outboundTrafficModes } from "#model/others.ts";
import { admission } from "./admission.ts";
import { customResourceDefinitions } from "./crds/definitions.ts";
import { controlPlane } from "./manifests.ts";
import type { Manifest } from "./object.ts";
import {
  type ControlPlaneResources,
  defaultSettings,
  type InjectionMode,
  type InstallationSettings,
  injectionModes,
} from "./settings.ts";
import { toYaml } from "./yaml.ts";

/** What stands in the manifests where the chart has a value. */
const placeholders = {
  controlPlaneImage: "heddle-chart-control-plane-image",
  proxyImage: "heddle-chart-proxy-image",
  trustDomain: "heddle-chart-trust-domain",
  // A word that is none of the policies', for which one of them will stand.
  outboundTrafficPolicy: "heddle-chart-outbound-traffic-policy" as OutboundTrafficMode,
  replicas: 987_654_321,
  terminationDelaySeconds: 987_654_322,
  resources: "heddle-chart-resources",
};

/** The files of the chart: path in it to text. */
export function chartFiles(version: string): ReadonlyMap<string, string> {
  const withBalancer = filesFor(version, true);
  const withoutBalancer = filesFor(version, false);
  return new Map(
    [...withBalancer].map(([path, text]) => [
      path,
      either(".Values.latencyAware", text, withoutBalancer.get(path) ?? ""),
    ]),
  );
}

/** Of two texts that have the same number of lines, the first where the condition holds. */
function either(condition: string, text: string, other: string): string {
  const others = other.split("\n");
  const lines = text.split("\n");
  if (lines.length !== others.length) throw new Error(`${condition} changes more than values`);
  return lines
    .map((line, i) =>
      line === others[i] ? line : `{{- if ${condition} }}\n${line}\n{{- else }}\n${others[i]}\n{{- end }}`,
    )
    .join("\n");
}

function filesFor(version: string, latencyAware: boolean): ReadonlyMap<string, string> {
  const settings: InstallationSettings = {
    ...defaultSettings(version),
    ...placeholders,
    latencyAware,
    gatewayApi: false,
    // A whole block of YAML in the chart, for which one word stands here.
    resources: placeholders.resources as unknown as ControlPlaneResources,
  };
  const always = controlPlane(settings);
  const definitions = customResourceDefinitions(version);
  const [namespace, ...rest] = without(always, definitions);
  const gatewayApi = without(controlPlane({ ...settings, gatewayApi: true }), always);
  const byMode = (injection: InjectionMode) => admission({ ...settings, injection });
  const [first = [], ...others] = injectionModes.map(byMode);
  const inEveryMode = first.filter((object) =>
    others.every((objects) => without([object], objects).length === 0),
  );
  return new Map([
    ["Chart.yaml", chartYaml(version)],
    ["values.yaml", valuesYaml(version)],
    ["values.schema.json", `${JSON.stringify(valuesSchema, undefined, 2)}\n`],
    ["templates/namespace.yaml", onlyIf(unlessOwnNamespace, namespace === undefined ? [] : [namespace])],
    // Not in crds/, which Helm installs once and never upgrades.
    ["templates/custom-resource-definitions.yaml", template(definitions)],
    ["templates/control-plane.yaml", template(rest)],
    ["templates/gateway-class.yaml", onlyIf(hasGatewayApi, gatewayApi)],
    ["templates/admission.yaml", template(inEveryMode)],
    ...injectionModes.map(
      (mode) =>
        [
          `templates/injection-by-${mode}.yaml`,
          onlyIf(`eq .Values.injection "${mode}"`, without(byMode(mode), inEveryMode), needs[mode]),
        ] as const,
    ),
  ]);
}

/** With `-n heddle-system --create-namespace` it is Helm that makes the namespace, and the chart must not. */
const unlessOwnNamespace = 'ne .Release.Namespace "heddle-system"';
const hasGatewayApi = '.Capabilities.APIVersions.Has "gateway.networking.k8s.io/v1/GatewayClass"';

/** What a mode needs of the cluster. */
const needs: Readonly<Record<InjectionMode, string>> = {
  webhook: "",
  policy: `{{- if not (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy") }}
{{- fail "the cluster has no MutatingAdmissionPolicy v1 (from Kubernetes 1.36 on): use injection=webhook" }}
{{- end }}
`,
};

function without(objects: readonly Manifest[], others: readonly Manifest[]): readonly Manifest[] {
  const texts = new Set(others.map((object) => JSON.stringify(object)));
  return objects.filter((object) => !texts.has(JSON.stringify(object)));
}

function onlyIf(condition: string, objects: readonly Manifest[], before = ""): string {
  return `{{- if ${condition} }}\n${before}${template(objects)}{{- end }}\n`;
}

/** Manifests as a template: what looks like an action of it is none, and placeholders become values. */
function template(objects: readonly Manifest[]): string {
  const value = (name: string, filter = "") => `{{ .Values.${name}${filter} }}`;
  return toYaml(objects)
    .replaceAll("{{", '{{ "{{" }}')
    .replaceAll(
      `image: ${placeholders.controlPlaneImage}`,
      `image: ${value("controlPlaneImage", " | quote")}`,
    )
    .replaceAll(placeholders.controlPlaneImage, value("controlPlaneImage"))
    .replaceAll(placeholders.proxyImage, value("proxyImage"))
    .replaceAll(placeholders.trustDomain, value("trustDomain"))
    .replaceAll(placeholders.outboundTrafficPolicy, value("outboundTrafficPolicy"))
    .replaceAll(String(placeholders.replicas), value("replicas"))
    .replaceAll(String(placeholders.terminationDelaySeconds), terminationDelay)
    .replaceAll(placeholders.resources, value("resources", " | toJson"));
}

/** The API servers of Kubernetes 1.29 know no `sleep`. */
const terminationDelay =
  '{{ ternary .Values.terminationDelaySeconds 0 (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}';

function chartYaml(version: string): string {
  return dump(
    {
      apiVersion: "v2",
      name: "heddle",
      description: "Heddle, a service mesh. The same objects as heddle install applies.",
      type: "application",
      version,
      appVersion: version,
      kubeVersion: ">=1.29.0-0",
    },
    { lineWidth: -1 },
  );
}

function valuesYaml(version: string): string {
  const {
    controlPlaneImage,
    proxyImage,
    latencyAware,
    trustDomain,
    outboundTrafficPolicy,
    replicas,
    injection,
    terminationDelaySeconds,
    resources,
  } = defaultSettings(version);
  return `# Of the control plane, and of the container that captures traffic in pods.
controlPlaneImage: ${controlPlaneImage}
# Of the sidecars and gateways.
proxyImage: ${proxyImage}
# Whether that image has Heddle's balancer. Without it proxies balance by outstanding requests, not by latency.
latencyAware: ${latencyAware}
# The first part of every identity. Not to be changed while pods are in the mesh.
trustDomain: ${trustDomain}
# What becomes of traffic to destinations that nobody declares: ALLOW_ANY or REGISTRY_ONLY.
outboundTrafficPolicy: ${outboundTrafficPolicy}
# Of the control plane.
replicas: ${replicas}
# webhook: the control plane injects sidecars; policy: the API server itself, from Kubernetes 1.36 on.
injection: ${injection}
# For so many seconds after the end of a pod its containers are not signalled; 0 for none, as on Kubernetes 1.29 always.
terminationDelaySeconds: ${terminationDelaySeconds}
# Of a replica of the control plane.
${dump({ resources })}`;
}

const valuesSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  additionalProperties: false,
  required: [
    "controlPlaneImage",
    "proxyImage",
    "latencyAware",
    "trustDomain",
    "outboundTrafficPolicy",
    "replicas",
    "injection",
    "terminationDelaySeconds",
    "resources",
  ],
  properties: {
    controlPlaneImage: { type: "string", minLength: 1 },
    proxyImage: { type: "string", minLength: 1 },
    latencyAware: { type: "boolean" },
    trustDomain: { type: "string", pattern: "^[a-z0-9._-]{1,255}$" },
    outboundTrafficPolicy: { enum: outboundTrafficModes },
    replicas: { type: "integer", minimum: 1 },
    injection: { enum: injectionModes },
    terminationDelaySeconds: { type: "integer", minimum: 0 },
    resources: { type: "object" },
    global: { type: "object" },
  },
};
