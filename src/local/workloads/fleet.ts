import { randomBytes, randomUUID } from "node:crypto";
import type { Pod } from "#model/kubernetes/pod.ts";
import { isReady } from "#model/kubernetes/pod.ts";
import { podAddress } from "../addresses.ts";
import { podNamespace } from "../network/node-namespace.ts";
import { type PodSurroundings, type RunningPod, startPod } from "../pods/pod.ts";
import { nextSteps, type Replica } from "./rollout.ts";
import { instanceOf, type Workload } from "./workload.ts";

/** A pod with the workload that it belongs to. */
export interface FleetPod {
  readonly workload: Workload;
  readonly running: RunningPod;
  readonly revision: string;
}

/** All pods of a mesh. */
export interface Fleet {
  readonly pods: () => readonly FleetPod[];
  readonly workloads: () => readonly Workload[];
  /** Says what is wanted from now on; pods are started, replaced and stopped until it is so. */
  want(workloads: readonly Workload[]): void;
  find(namespace: string, name: string): FleetPod | undefined;
  /** Ends all pods, each in order but within the limit; nothing is started any more. */
  stop(limitMs: number): Promise<void>;
}

interface Entry {
  readonly key: string;
  readonly revision: string;
  readonly running: RunningPod;
  terminating: boolean;
}

/** Runs pods; `onChange` is called when any of them has changed. */
export function startFleet(surroundings: PodSurroundings, onChange: () => void): Fleet {
  const entries = new Map<string, Entry>();
  /** The last known form of each workload, also of those that are gone while their pods end. */
  const known = new Map<string, Workload>();
  let wanted = new Map<string, Workload>();
  let nextNumber = 0;
  let stopping = false;
  let scheduled = false;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (!stopping) reconcile();
      onChange();
    });
  }

  function reconcile(): void {
    const byWorkload = Map.groupBy(entries, ([, entry]) => entry.key);
    for (const [key, pods] of byWorkload) {
      if (!wanted.has(key)) for (const [id] of pods) void stopEntry(id);
    }
    for (const workload of wanted.values()) {
      const pods = byWorkload.get(workload.key) ?? [];
      const steps = nextSteps(
        workload,
        pods.map(([id, entry]) => replicaOf(id, entry)),
      );
      for (const name of steps.stop) void stopEntry(`${workload.namespace}/${name}`);
      for (const name of steps.startNamed) start(workload, name);
      for (let count = 0; count < steps.start; count++) start(workload, generatedName(workload));
    }
  }

  function start(workload: Workload, name: string): void {
    const number = freeNumber();
    const pod = instanceOf(workload, { name, uid: randomUUID(), createdAt: new Date().toISOString() });
    const network = {
      namespace: podNamespace(surroundings.state.id, number),
      address: podAddress(number),
      nodeInterface: `p${number}`,
    };
    const { directory, standIns } = workload;
    const running = startPod({ pod, network, directory, standIns, onChange: schedule }, surroundings);
    entries.set(`${workload.namespace}/${name}`, {
      key: workload.key,
      revision: workload.revision,
      running,
      terminating: false,
    });
  }

  function stopEntry(id: string, limitMs?: number): Promise<void> {
    const entry = entries.get(id);
    if (entry === undefined) return Promise.resolve();
    entry.terminating = true;
    return entry.running.stop(limitMs).then(() => {
      if (entries.get(id) === entry) entries.delete(id);
      schedule();
    });
  }

  /** Numbers are not used again soon, so that an address does not pass to another pod while clients remember it. */
  function freeNumber(): number {
    const used = new Set([...entries.values()].map(({ running }) => running.network.address));
    while (used.has(podAddress(nextNumber))) nextNumber++;
    return nextNumber++;
  }

  return {
    pods: () =>
      [...entries.values()].flatMap(({ key, running, revision }) => {
        const workload = known.get(key);
        return workload === undefined ? [] : [{ workload, running, revision }];
      }),
    workloads: () => [...wanted.values()],
    want(workloads) {
      wanted = new Map(workloads.map((workload) => [workload.key, workload]));
      for (const workload of workloads) known.set(workload.key, workload);
      schedule();
    },
    find(namespace, name) {
      const entry = entries.get(`${namespace}/${name}`);
      const workload = entry && known.get(entry.key);
      return entry && workload && { workload, running: entry.running, revision: entry.revision };
    },
    async stop(limitMs) {
      stopping = true;
      await Promise.all([...entries.keys()].map((id) => stopEntry(id, limitMs)));
    },
  };
}

function replicaOf(id: string, entry: Entry): Replica {
  const pod = entry.running.object();
  return {
    name: id.slice(id.indexOf("/") + 1),
    revision: entry.revision,
    ready: isReady(pod),
    terminating: entry.terminating,
    ...endedField(pod),
  };
}

function endedField(pod: Pod): Pick<Replica, "ended"> {
  const phase = pod.status?.phase;
  return phase === "Succeeded" || phase === "Failed" ? { ended: phase } : {};
}

/** As the controllers name pods: `web-5c9f8d7b6d-x2k4q`, `migrate-x2k4q`. */
function generatedName(workload: Workload): string {
  const suffix = randomBytes(4).toString("hex").slice(0, 5);
  const middle = workload.kind === "Deployment" ? `-${workload.revision}` : "";
  return `${workload.name}${middle}-${suffix}`;
}
