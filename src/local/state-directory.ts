import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Where a mesh lives if the user names no other place. */
export const DEFAULT_STATE = "/var/lib/heddle/default";

/** The paths of one mesh. Everything that a mesh keeps on disk is below `root`. */
export interface StateDirectory {
  readonly root: string;
  /** Six hex digits made from the path: they name the namespaces, so that a crashed mesh is found again. */
  readonly id: string;
  readonly authority: string;
  readonly tokens: string;
  /** What the control plane reads as "the cluster": actual pods and service addresses. */
  readonly cluster: string;
  readonly clusterPods: string;
  readonly serviceAddresses: string;
  readonly logs: string;
  /** Volumes and mount points of running pods. */
  readonly pods: string;
  readonly lock: string;
  readonly supervisorSocket: string;
  readonly supervisorPid: string;
  readonly controlPlaneSocket: string;
  readonly controlPlanePid: string;
}

/** Names the paths of the mesh whose state is in `path`; touches nothing. */
export function stateDirectory(path: string): StateDirectory {
  const root = realPath(resolve(path));
  return {
    root,
    id: createHash("sha256").update(root).digest("hex").slice(0, 6),
    authority: join(root, "ca"),
    tokens: join(root, "tokens"),
    cluster: join(root, "cluster"),
    clusterPods: join(root, "cluster", "pods"),
    serviceAddresses: join(root, "cluster", "service-addresses.json"),
    logs: join(root, "logs"),
    pods: join(root, "pods"),
    lock: join(root, "lock"),
    supervisorSocket: join(root, "supervisor.sock"),
    supervisorPid: join(root, "supervisor.pid"),
    controlPlaneSocket: join(root, "control-plane.sock"),
    controlPlanePid: join(root, "control-plane.pid"),
  };
}

/** Makes the directories. What is in them is for root alone: pods have their volumes mounted where they need them. */
export function makeStateDirectory(state: StateDirectory): void {
  const modes: readonly (readonly [string, number])[] = [
    [state.root, 0o700],
    [state.authority, 0o700],
    [state.tokens, 0o700],
    [state.cluster, 0o700],
    [state.clusterPods, 0o700],
    [state.logs, 0o700],
    [state.pods, 0o700],
  ];
  for (const [path, mode] of modes) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
  }
}

/** Removes what belongs to a run. The authority, keys, service addresses and learned names stay for the next one. */
export function clearRun(state: StateDirectory): void {
  for (const path of [
    state.clusterPods,
    state.pods,
    state.supervisorSocket,
    state.supervisorPid,
    state.controlPlaneSocket,
    state.controlPlanePid,
  ])
    rmSync(path, { recursive: true, force: true });
}

/** The real path of something whose last parts may not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), path.slice(parent.length));
  }
}
