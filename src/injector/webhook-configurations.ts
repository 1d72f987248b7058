/**
 * What makes the API server ask the control plane: what `heddle install` applies by default. The selectors equal
 * `decideInjection`, so that pods outside the mesh never come here.
 */
import {
  controlPlaneName,
  injectionWebhook,
  systemNamespace,
  validationWebhook,
} from "#model/installation.ts";
import type { KubernetesObject, LabelSelector } from "#model/object.ts";
import type { SelectedBy } from "./admission.ts";
import { namespaceSwitches, offValues, onValues, outsideNamespaces, podSwitches } from "./decision.ts";

/** Where the webhooks are. The control plane keeps `caBundle`, as a field manager of its own. */
export interface WebhookClientConfig {
  readonly service?: {
    readonly name: string;
    readonly namespace: string;
    readonly port: number;
    readonly path: string;
  };
  readonly url?: string;
  /** PEM in base64. */
  readonly caBundle?: string;
}

export const validationPath = "/validate";

/** The path on which pods are asked about. */
export function injectionPath(selectedBy: SelectedBy): string {
  return `/inject/${selectedBy}`;
}

/** Both webhook configurations. `clientConfig` says where a path is; the control plane's Service by default. */
export function webhookConfigurations(
  clientConfig: (path: string) => WebhookClientConfig = throughService,
): readonly KubernetesObject[] {
  return [
    configuration("MutatingWebhookConfiguration", injectionWebhook, injectionWebhooks(clientConfig)),
    configuration("ValidatingWebhookConfiguration", validationWebhook, [
      {
        name: "validation.heddle.dev",
        clientConfig: clientConfig(validationPath),
        rules: [
          ...routingGroups.map((group) => validated([group], ["*"])),
          validated(unreadGroups, unreadResources),
        ],
        namespaceSelector: insideNamespaces(),
        // Routes are more important than a word on them: without the control plane they are applied unchecked.
        failurePolicy: "Ignore",
        timeoutSeconds: 5,
        ...common,
      },
    ]),
  ];
}

function validated(apiGroups: readonly string[], resources: readonly string[]): object {
  return { apiGroups, apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources, scope: "Namespaced" };
}

/** Whoever writes such a policy must hear that it protects nothing here. */
const unreadGroups = ["security.istio.io", "telemetry.istio.io", "extensions.istio.io"];
const unreadResources = [
  "authorizationpolicies",
  "peerauthentications",
  "requestauthentications",
  "telemetries",
  "wasmplugins",
];

const routingGroups = [
  "gateway.networking.k8s.io",
  "gateway.networking.x-k8s.io",
  "networking.istio.io",
  "heddle.dev",
];

const common = {
  admissionReviewVersions: ["v1"],
  matchPolicy: "Equivalent",
  sideEffects: "NoneOnDryRun",
} as const;

const [ownSwitch = "", istioSwitch = ""] = namespaceSwitches;
const said = [...onValues, ...offValues];
const ownSwitchIsOn = { key: ownSwitch, operator: "In", values: onValues } as const;
const ownSwitchIsSilent = { key: ownSwitch, operator: "NotIn", values: said } as const;

/** Selectors know no `or`: one entry for each way into the mesh. A pod fits one of them at most. */
const entries: readonly {
  readonly name: string;
  readonly selectedBy: SelectedBy;
  readonly expressions: NonNullable<LabelSelector["matchExpressions"]>;
}[] = [
  { name: "namespace.injection.heddle.dev", selectedBy: "namespace", expressions: [ownSwitchIsOn] },
  {
    name: "istio-namespace.injection.heddle.dev",
    selectedBy: "namespace",
    expressions: [ownSwitchIsSilent, { key: istioSwitch, operator: "In", values: onValues }],
  },
  {
    name: "pod.injection.heddle.dev",
    selectedBy: "pod",
    expressions: [ownSwitchIsSilent, { key: istioSwitch, operator: "NotIn", values: said }],
  },
];

function injectionWebhooks(clientConfig: (path: string) => WebhookClientConfig): readonly object[] {
  const pods = { apiGroups: [""], apiVersions: ["v1"], scope: "Namespaced" };
  return entries.map(({ name, selectedBy, expressions }) => ({
    name,
    clientConfig: clientConfig(injectionPath(selectedBy)),
    rules: [
      { ...pods, operations: ["CREATE"], resources: ["pods"] },
      { ...pods, operations: ["UPDATE"], resources: ["pods/ephemeralcontainers"] },
    ],
    namespaceSelector: insideNamespaces(expressions),
    matchConditions: [
      {
        name: "switch-of-the-pod",
        expression: podSwitchIs(selectedBy === "pod" ? onValues : ["", ...onValues]),
      },
    ],
    // A pod that should be in the mesh does not start outside it.
    failurePolicy: "Fail",
    reinvocationPolicy: "IfNeeded",
    timeoutSeconds: 5,
    ...common,
  }));
}

/** An expression of CEL: the first switch of a pod that says something says one of these, or nothing does. */
function podSwitchIs(values: readonly string[]): string {
  const switches = podSwitches.flatMap((name) =>
    ["labels", "annotations"].map((map) => `object.metadata.?${map}[?${JSON.stringify(name)}].orValue("")`),
  );
  return `[${switches.join(", ")}].filter(v, v in ${JSON.stringify(said)})[?0].orValue("") in ${JSON.stringify(values)}`;
}

function insideNamespaces(expressions: NonNullable<LabelSelector["matchExpressions"]> = []): LabelSelector {
  const name = "kubernetes.io/metadata.name";
  return { matchExpressions: [{ key: name, operator: "NotIn", values: outsideNamespaces }, ...expressions] };
}

function throughService(path: string): WebhookClientConfig {
  return { service: { name: controlPlaneName, namespace: systemNamespace, port: 443, path } };
}

function configuration(kind: string, name: string, webhooks: readonly object[]): KubernetesObject {
  const made = { apiVersion: "admissionregistration.k8s.io/v1", kind, metadata: { name }, webhooks };
  return made;
}
