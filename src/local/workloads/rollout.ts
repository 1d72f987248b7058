import type { Workload } from "./workload.ts";

/** What a rollout looks at in a pod. */
export interface Replica {
  readonly name: string;
  readonly revision: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** How the pod has ended, if it has. */
  readonly ended?: "Succeeded" | "Failed";
}

/** The next steps of a workload: pods to start, under fixed names where the kind has them, and pods to stop. */
export interface Steps {
  readonly start: number;
  readonly startNamed: readonly string[];
  readonly stop: readonly string[];
}

const NOTHING: Steps = { start: 0, startNamed: [], stop: [] };

/** What to do now to come closer to what the workload wants; `replicas` oldest first. Pure. */
export function nextSteps(
  workload: Pick<Workload, "kind" | "name" | "replicas" | "revision" | "backOffLimit">,
  replicas: readonly Replica[],
): Steps {
  return STEPS[workload.kind](workload, replicas);
}

const STEPS = {
  Deployment: deploymentSteps,
  StatefulSet: statefulSteps,
  Job: jobSteps,
  Pod: podSteps,
} as const;

/** One new pod at a time; an old one goes only when there are enough that are ready. */
function deploymentSteps(
  { replicas: wanted, revision }: Pick<Workload, "replicas" | "revision">,
  replicas: readonly Replica[],
): Steps {
  const live = replicas.filter(({ terminating }) => !terminating);
  const fresh = live.filter((replica) => replica.revision === revision);
  const stale = live.filter((replica) => replica.revision !== revision);
  const useless = stale.filter(({ ready }) => !ready);
  const serving = stale.filter(({ ready }) => ready);
  const readyCount = live.filter(({ ready }) => ready).length;
  const surplus = serving.slice(0, Math.max(readyCount - wanted, 0));
  const excess = [...fresh]
    .sort((a, b) => Number(a.ready) - Number(b.ready))
    .slice(0, Math.max(fresh.length - wanted, 0));
  const missing = wanted - fresh.length;
  const room = serving.length === 0 ? missing : wanted + 1 - (fresh.length + serving.length);
  return {
    start: Math.max(Math.min(missing, room), 0),
    startNamed: [],
    stop: [...useless, ...surplus, ...excess].map(({ name }) => name),
  };
}

/** In order of their numbers, each after the one before is ready; replaced from the last to the first. */
function statefulSteps(
  { name, replicas: wanted, revision }: Pick<Workload, "name" | "replicas" | "revision">,
  replicas: readonly Replica[],
): Steps {
  const byName = new Map(replicas.map((replica) => [replica.name, replica]));
  const names = Array.from({ length: wanted }, (_, index) => `${name}-${index}`);
  const surplus = replicas.filter((replica) => !names.includes(replica.name) && !replica.terminating);
  if (surplus.length > 0) return { ...NOTHING, stop: surplus.map((replica) => replica.name) };
  const broken = names.find((entry) => byName.get(entry)?.ready !== true);
  if (broken !== undefined) {
    const found = byName.get(broken);
    if (found === undefined) return { ...NOTHING, startNamed: [broken] };
    // One that is not ready and of an old revision may never be: it makes way.
    return found.terminating || found.revision === revision ? NOTHING : { ...NOTHING, stop: [broken] };
  }
  const stale = names.findLast((entry) => byName.get(entry)?.revision !== revision);
  return stale === undefined ? NOTHING : { ...NOTHING, stop: [stale] };
}

/** Until one succeeds, or as many have failed as the limit allows. */
function jobSteps(
  { revision, backOffLimit }: Pick<Workload, "revision" | "backOffLimit">,
  replicas: readonly Replica[],
): Steps {
  const stale = replicas.filter((replica) => replica.revision !== revision && !replica.terminating);
  if (stale.length > 0) return { ...NOTHING, stop: stale.map(({ name }) => name) };
  const own = replicas.filter((replica) => replica.revision === revision && !replica.terminating);
  const failed = own.filter(({ ended }) => ended === "Failed").length;
  const open = own.length > failed;
  return open || failed > backOffLimit ? NOTHING : { ...NOTHING, start: 1 };
}

function podSteps(
  { name, revision }: Pick<Workload, "name" | "revision">,
  replicas: readonly Replica[],
): Steps {
  if (replicas.length === 0) return { ...NOTHING, startNamed: [name] };
  const stale = replicas.filter((replica) => replica.revision !== revision && !replica.terminating);
  return { ...NOTHING, stop: stale.map((replica) => replica.name) };
}
