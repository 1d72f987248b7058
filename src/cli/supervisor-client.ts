import type { ContainerSummary, PodSummary } from "#local/api.ts";
import { askSocket, NotRunningError } from "#local/socket-client.ts";
import { stateDirectory } from "#local/state-directory.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";

/** Asks the supervisor of a mesh. Throws with what to do if no mesh runs there. */
export async function askSupervisor<T>(
  state: string,
  path: string,
  options: { readonly method?: "GET" | "POST"; readonly body?: unknown } = {},
): Promise<T> {
  const { root, supervisorSocket } = stateDirectory(state);
  try {
    return await askSocket<T>(supervisorSocket, path, options);
  } catch (error) {
    if (error instanceof NotRunningError)
      throw new Error(`no mesh runs in ${root}; start one with heddle up, or name its --state`, {
        cause: error,
      });
    if (error instanceof Error && "code" in error && error.code === "EACCES")
      throw new Error(`the mesh in ${root} belongs to root; run it again with sudo`, { cause: error });
    throw error;
  }
}

/**
 * The pod that a user names: `POD`, `NAMESPACE/POD`, or `deploy/NAME` for one of its pods that is ready.
 * Throws if there is none, or more than one namespace has it.
 */
export async function findPod(
  state: string,
  target: string,
  namespace: string | undefined,
): Promise<PodSummary> {
  const pods = await askSupervisor<readonly PodSummary[]>(state, "/pods");
  const [kind, name] = target.includes("/") ? (target.split("/", 2) as [string, string]) : ["pod", target];
  const workloadKind = WORKLOADS[kind.toLowerCase()];
  const here = (pod: PodSummary): boolean => namespace === undefined || pod.namespace === namespace;
  const found = pods.filter((pod) => {
    if (workloadKind !== undefined)
      return here(pod) && pod.workload === `${workloadKind} ${pod.namespace}/${name}`;
    if (kind !== "pod" && kind !== "pods" && kind !== "po")
      return pod.namespace === kind && pod.name === name;
    return here(pod) && pod.name === name;
  });
  if (new Set(found.map((pod) => pod.namespace)).size > 1)
    throw new Error(`${target} is in more than one namespace; name one with -n`);
  const chosen = found.find(({ ready, status }) => ready && status !== "Terminating") ?? found[0];
  if (chosen === undefined)
    throw new Error(
      `there is no ${target}${namespace === undefined ? "" : ` in the namespace ${namespace}`}; heddle ps lists the pods`,
    );
  return chosen;
}

/** Whether the pod is in the mesh: has a sidecar, or is a gateway. */
export function hasProxy({ containers }: PodSummary): boolean {
  return containers.some(({ name }) => name === proxyContainerName);
}

const WORKLOADS: Readonly<Record<string, string>> = {
  deploy: "Deployment",
  deployment: "Deployment",
  deployments: "Deployment",
  sts: "StatefulSet",
  statefulset: "StatefulSet",
  statefulsets: "StatefulSet",
  job: "Job",
  jobs: "Job",
};

/** The container that a user names, or the first of the application's own. Throws if there is no such one. */
export function findContainer(pod: PodSummary, name: string | undefined): ContainerSummary {
  const found = pod.containers.find((container) =>
    name === undefined ? container.role === "application" : container.name === name,
  );
  if (found === undefined)
    throw new Error(
      `pod ${pod.name} has no container ${name}; it has ${pod.containers.map((container) => container.name).join(", ")}`,
    );
  return found;
}
