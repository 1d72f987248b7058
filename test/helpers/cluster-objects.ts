// Objects that tests make in an API server: what nothing else makes where no kubelet and few controllers run.
import type { KubernetesClient } from "#kubernetes/client.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import type { KubernetesObject } from "#model/object.ts";

/** Creates or changes an object as a user would, and returns it as the server has it. */
export function put<T extends KubernetesObject>(
  client: KubernetesClient,
  object: T | (Omit<T, "metadata"> & { readonly metadata: object }),
): Promise<T> {
  return client.apply(object as T, { fieldManager: "test", force: true });
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): KubernetesObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** Makes a pod with a sidecar, and its account; it has no address until {@link startPod}. */
export async function makePod(
  client: KubernetesClient,
  space: string,
  name: string,
  account = name,
): Promise<KubernetesObject> {
  await put(client, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: account, namespace: space },
  });
  return put(client, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: space },
    spec: {
      nodeName: "node",
      serviceAccountName: account,
      initContainers: [{ name: proxyContainerName, image: "proxy", restartPolicy: "Always" }],
      containers: [{ name: "app", image: "app", ports: [{ containerPort: 8080 }] }],
    },
  } as KubernetesObject);
}

/** Does what a kubelet does when a pod runs. */
export async function startPod(
  client: KubernetesClient,
  space: string,
  name: string,
  address: string,
): Promise<void> {
  await client.request("PATCH", `/api/v1/namespaces/${space}/pods/${name}/status`, {
    contentType: "application/merge-patch+json",
    body: { status: { phase: "Running", podIP: address, podIPs: [{ ip: address }] } },
  });
}

export interface TokenOptions {
  readonly account: string;
  readonly pod: KubernetesObject;
  readonly audience?: string;
}

/** A token as the kubelet asks for it. */
export async function podToken(
  client: KubernetesClient,
  { account, pod, audience = "heddle" }: TokenOptions,
): Promise<string> {
  const { namespace: space = "", name, uid } = pod.metadata;
  const { status } = await client.request<{ readonly status: { readonly token: string } }>(
    "POST",
    `/api/v1/namespaces/${space}/serviceaccounts/${account}/token`,
    {
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          audiences: [audience],
          expirationSeconds: 600,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
    },
  );
  return status.token;
}

/** A definition of a kind under which everything passes. */
export function definition(
  group: string,
  kind: string,
  plural: string,
  { version = "v1", scope = "Namespaced" }: { readonly version?: string; readonly scope?: string } = {},
): KubernetesObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      annotations: {
        "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/1",
      },
    },
    spec: {
      group,
      scope,
      names: { kind, plural },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  } as KubernetesObject;
}
