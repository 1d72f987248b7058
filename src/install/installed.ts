import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import { controlPlaneName, systemNamespace } from "#model/installation.ts";
import type { PodSpec } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import { versionLabel } from "./object.ts";

/** The Deployment of the control plane, as far as it is read. */
export interface ControlPlaneDeployment extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & { readonly generation?: number };
  readonly spec: { readonly replicas?: number; readonly template: { readonly spec: PodSpec } };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly readyReplicas?: number;
  };
}

/** What an installation says of itself. */
export interface Installed {
  readonly version: string;
  readonly trustDomain: string;
  readonly controlPlaneImage: string;
  readonly proxyImage: string;
  /** Whether proxies are to load the module that balances by latency. */
  readonly latencyAware: boolean;
  readonly deployment: ControlPlaneDeployment;
}

export const deploymentPath = `/apis/apps/v1/namespaces/${systemNamespace}/deployments/${controlPlaneName}`;

/** The installation in a cluster; undefined if there is none. */
export async function readInstalled(client: KubernetesClient): Promise<Installed | undefined> {
  const deployment = await orAbsent(client.request<ControlPlaneDeployment>("GET", deploymentPath));
  return deployment === undefined ? undefined : installedFrom(deployment);
}

/** Reads the labels and arguments that `heddle install` and the chart have written. */
export function installedFrom(deployment: ControlPlaneDeployment): Installed {
  const [container] = deployment.spec.template.spec.containers;
  const argument = (name: string) =>
    container?.args?.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
  return {
    version: deployment.metadata.labels?.[versionLabel] ?? "unknown",
    trustDomain: argument("trust-domain") ?? "cluster.local",
    controlPlaneImage: container?.image ?? "",
    proxyImage: argument("proxy-image") ?? "",
    latencyAware: argument("latency-aware") !== "false",
    deployment,
  };
}

/** The answer to a request for an object, or undefined if there is none. */
export async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  }
}
