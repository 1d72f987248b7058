// Everything that a check looks at, read from the cluster at once.
import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import { type KubernetesClient, KubernetesError, pathOf } from "#kubernetes/client.ts";
import { listAll } from "#kubernetes/list.ts";
import { readServerVersion, type ServerVersion } from "#kubernetes/server-version.ts";
import {
  authoritySecret,
  gatewayClass,
  injectionPolicy,
  injectionWebhook,
  leaderLease,
  systemNamespace,
  usersAuthoritySecret,
  validationWebhook,
} from "#model/installation.ts";
import type { ConfigMap, Secret } from "#model/kubernetes/configuration.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Problem } from "#model/reference.ts";
import { type Installed, orAbsent, readInstalled } from "../installed.ts";
import { type MeshedPod, meshedPods } from "../meshed-pods.ts";
import { readControlPlanePods } from "../rollout.ts";

export interface WebhookConfiguration extends KubernetesObject {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly clientConfig: { /** PEM, in base64. */ readonly caBundle?: string };
  }[];
}

export interface Lease extends KubernetesObject {
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly renewTime?: string;
  };
}

export interface ProxyNode {
  readonly version: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface ClusterSnapshot {
  readonly server: ServerVersion;
  readonly installed: Installed | undefined;
  readonly controlPlanePods: readonly Pod[];
  readonly lease: Lease | undefined;
  /** The roots as PEM; undefined if they are absent or may not be read. */
  readonly roots: string | undefined;
  readonly injectionWebhook: WebhookConfiguration | undefined;
  readonly validationWebhook: WebhookConfiguration | undefined;
  /** Whether the mutating policy and its binding are there. */
  readonly injectionPolicy: { readonly policy: boolean; readonly binding: boolean };
  readonly namespaces: readonly KubernetesObject[];
  readonly pods: readonly MeshedPod[];
  /** Namespace to roots as PEM. */
  readonly trustBundles: ReadonlyMap<string, string>;
  readonly gatewayApi: boolean;
  readonly gatewayClass: boolean;
  readonly istio: boolean;
  /** What the control plane says; undefined if none answers. */
  readonly problems: readonly Problem[] | undefined;
  /** Those that are connected, by id, with what they say of themselves; undefined if no replica answers. */
  readonly connectedProxies: ReadonlyMap<string, ProxyNode> | undefined;
  readonly now: number;
}

/** Asks a replica of the control plane. */
export type AskReplica = <Answer>(path: string) => Promise<Answer>;

const admissionGroup = "admissionregistration.k8s.io/v1";

export async function readSnapshot(
  client: KubernetesClient,
  askReplica: AskReplica,
): Promise<ClusterSnapshot> {
  const get = <T>(apiVersion: string, kind: string, name: string, namespace?: string) =>
    readObject<T>(client, { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) });
  const pods = listAll<Pod>(client, "/api/v1/pods");
  const namespaces = listAll<KubernetesObject>(client, "/api/v1/namespaces");
  const policy = get(admissionGroup, "MutatingAdmissionPolicy", injectionPolicy);
  const binding = get(admissionGroup, "MutatingAdmissionPolicyBinding", injectionPolicy);
  const has = (apiVersion: string, kind: string) =>
    client.resourceOf(apiVersion, kind).then((resource) => resource !== undefined);
  return allOf({
    server: readServerVersion(client),
    installed: readInstalled(client),
    controlPlanePods: readControlPlanePods(client),
    lease: get<Lease>("coordination.k8s.io/v1", "Lease", leaderLease, systemNamespace),
    roots: readRoots(client),
    injectionWebhook: get<WebhookConfiguration>(
      admissionGroup,
      "MutatingWebhookConfiguration",
      injectionWebhook,
    ),
    validationWebhook: get<WebhookConfiguration>(
      admissionGroup,
      "ValidatingWebhookConfiguration",
      validationWebhook,
    ),
    injectionPolicy: allOf({
      policy: policy.then((object) => object !== undefined),
      binding: binding.then((object) => object !== undefined),
    }),
    namespaces,
    pods: Promise.all([pods, namespaces]).then(([all, of]) => meshedPods(all, of)),
    trustBundles: readTrustBundles(client),
    gatewayApi: has("gateway.networking.k8s.io/v1", "GatewayClass"),
    gatewayClass: get("gateway.networking.k8s.io/v1", "GatewayClass", gatewayClass).then(
      (object) => object !== undefined,
    ),
    istio: has("networking.istio.io/v1", "VirtualService"),
    // Its absence is found by other checks, with reasons.
    problems: askReplica<readonly Problem[]>("/problems").catch(() => undefined),
    connectedProxies: askReplica<readonly { readonly id: string; readonly node: ProxyNode }[]>(
      "/proxies",
    ).then(
      (proxies) => new Map(proxies.map(({ id, node }) => [id, node])),
      () => undefined,
    ),
    now: Promise.resolve(Date.now()),
  });
}

/** Waits for every field at once. */
async function allOf<T extends object>(fields: { readonly [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const entries = await Promise.all(
    Object.entries(fields).map(async ([name, value]) => [name, await value] as const),
  );
  return Object.fromEntries(entries) as T;
}

async function readObject<T>(
  client: KubernetesClient,
  of: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
  },
): Promise<T | undefined> {
  const resource = await client.resourceOf(of.apiVersion, of.kind);
  return resource === undefined ? undefined : orAbsent(client.request<T>("GET", pathOf(resource, of)));
}

/** From the secret of the authority, which not everybody who may check a mesh may read. */
async function readRoots(client: KubernetesClient): Promise<string | undefined> {
  for (const name of [usersAuthoritySecret, authoritySecret]) {
    try {
      const secret = await orAbsent(
        client.request<Secret>("GET", `/api/v1/namespaces/${systemNamespace}/secrets/${name}`),
      );
      const encoded = secret?.data?.["root-cert.pem"];
      if (encoded !== undefined) return Buffer.from(encoded, "base64").toString();
    } catch (failure) {
      if (!(failure instanceof KubernetesError && failure.status === 403)) throw failure;
    }
  }
  return undefined;
}

async function readTrustBundles(client: KubernetesClient): Promise<ReadonlyMap<string, string>> {
  const bundles = await listAll<ConfigMap>(client, "/api/v1/configmaps", {
    fieldSelector: `metadata.name=${trustBundleConfigMap}`,
  });
  return new Map(bundles.map(({ metadata, data }) => [metadata.namespace ?? "", data?.["ca.pem"] ?? ""]));
}
