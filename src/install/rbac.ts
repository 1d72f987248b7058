// What the control plane may do, and why. Written by hand: a rule that nothing needs any more must go.

import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import {
  authoritySecret,
  controlPlaneName,
  dependenciesConfigMap,
  injectionWebhook,
  leaderLease,
  systemNamespace,
  usersAuthoritySecret,
  validationWebhook,
} from "#model/installation.ts";
import { clusterMeta, type Manifest, systemMeta } from "./object.ts";

/** https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/cluster-role-v1/#ClusterRole */
export interface PolicyRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

const watch = ["list", "watch"];

/** What it may do in every namespace. */
export const clusterRules: readonly PolicyRule[] = [
  // The mesh is made of these: who runs where, under which account, and behind which name.
  { apiGroups: [""], resources: ["namespaces", "pods", "services"], verbs: watch },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: watch },
  // The user's routes and policies.
  {
    apiGroups: ["gateway.networking.k8s.io"],
    resources: [
      "gatewayclasses",
      "gateways",
      "httproutes",
      "grpcroutes",
      "tcproutes",
      "tlsroutes",
      "referencegrants",
    ],
    verbs: watch,
  },
  { apiGroups: ["gateway.networking.x-k8s.io"], resources: ["xbackendtrafficpolicies"], verbs: watch },
  {
    apiGroups: ["networking.istio.io"],
    resources: [
      "virtualservices",
      "destinationrules",
      "serviceentries",
      "workloadentries",
      "sidecars",
      "gateways",
    ],
    verbs: watch,
  },
  { apiGroups: ["heddle.dev"], resources: ["ratelimits", "adaptiveconcurrencies"], verbs: watch },
  // A kind that is installed later is watched from then on.
  { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"], verbs: watch },
  // What became of routes and policies is said in their status. Their spec is the user's: nothing here may change it.
  {
    apiGroups: ["gateway.networking.k8s.io"],
    resources: [
      "gatewayclasses/status",
      "gateways/status",
      "httproutes/status",
      "grpcroutes/status",
      "tcproutes/status",
      "tlsroutes/status",
    ],
    verbs: ["patch"],
  },
  {
    apiGroups: ["gateway.networking.x-k8s.io"],
    resources: ["xbackendtrafficpolicies/status"],
    verbs: ["patch"],
  },
  {
    apiGroups: ["networking.istio.io"],
    resources: [
      "virtualservices/status",
      "destinationrules/status",
      "serviceentries/status",
      "workloadentries/status",
      "sidecars/status",
      "gateways/status",
    ],
    verbs: ["patch"],
  },
  {
    apiGroups: ["heddle.dev"],
    resources: ["ratelimits/status", "adaptiveconcurrencies/status"],
    verbs: ["patch"],
  },
  // Why a pod was not injected is said where its owner looks: in events.
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
  // Proxies know the control plane by this ConfigMap of their namespace. Server-side apply names what it creates, so
  // that even `create` holds for that name alone: no other ConfigMap can be read or written.
  {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: [trustBundleConfigMap],
    verbs: [...watch, "create", "patch", "delete"],
  },
  // A Gateway becomes a Deployment, a Service and a ServiceAccount beside it, in the namespace that the user has
  // chosen: this cannot be limited by name. It is the one far-reaching right; docs/kubernetes.md says what it means.
  { apiGroups: ["apps"], resources: ["deployments"], verbs: [...watch, "create", "patch", "delete"] },
  { apiGroups: [""], resources: ["serviceaccounts"], verbs: [...watch, "create", "patch", "delete"] },
  { apiGroups: [""], resources: ["services"], verbs: ["create", "patch", "delete"] },
  // Clusters that enforce permissions on owners (OpenShift) ask this of whoever makes a Gateway an owner.
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["gateways/finalizers"], verbs: ["update"] },
  // The API server calls the webhooks by a certificate of the mesh's authority, which is written into them.
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["mutatingwebhookconfigurations"],
    resourceNames: [injectionWebhook],
    verbs: [...watch, "patch"],
  },
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingwebhookconfigurations"],
    resourceNames: [validationWebhook],
    verbs: [...watch, "patch"],
  },
  // Who a proxy is says its token: checked with the cluster's public keys, or by the API server where it hides them.
  { nonResourceURLs: ["/.well-known/openid-configuration", "/openid/v1/jwks"], verbs: ["get"] },
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
];

/** What it may do in its own namespace alone. */
export const systemRules: readonly PolicyRule[] = [
  // The key of the certificate authority, or the user's own: made once by whichever replica is first, which is a POST
  // without a name, and only read from then on.
  { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: [authoritySecret, usersAuthoritySecret],
    verbs: ["get"],
  },
  // One replica leads, and writes statuses. The first one makes the lease, by a POST again.
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: [leaderLease],
    verbs: ["get", "update"],
  },
  // What workloads used before is sent ahead to their next pods.
  {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: [dependenciesConfigMap],
    verbs: [...watch, "create", "patch"],
  },
];

const rbac = "rbac.authorization.k8s.io";

/** The roles of the control plane's ServiceAccount, and their bindings. */
export function accessControl(version: string): readonly Manifest[] {
  const subjects = [{ kind: "ServiceAccount", name: controlPlaneName, namespace: systemNamespace }];
  const roleRef = (kind: string) => ({ apiGroup: rbac, kind, name: controlPlaneName });
  const apiVersion = `${rbac}/v1`;
  const inCluster = clusterMeta(controlPlaneName, version);
  const inSystem = systemMeta(controlPlaneName, version);
  return [
    { apiVersion, kind: "ClusterRole", metadata: inCluster, rules: clusterRules },
    { apiVersion, kind: "Role", metadata: inSystem, rules: systemRules },
    {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: inCluster,
      roleRef: roleRef("ClusterRole"),
      subjects,
    },
    { apiVersion, kind: "RoleBinding", metadata: inSystem, roleRef: roleRef("Role"), subjects },
  ];
}
