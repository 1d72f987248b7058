import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PodStandIns } from "#model/image-stand-in.ts";
import type { Container, Pod } from "#model/kubernetes/pod.ts";
import { type RunningContainer, startContainer } from "../containers/container.ts";
import type { ContainerState } from "../containers/container-state.ts";
import type { Configuration } from "../containers/environment.ts";
import type { Role } from "../containers/restart-policy.ts";
import { createPodNetwork, type PodNetwork, removePodNetwork } from "../network/pod-network.ts";
import type { StateDirectory } from "../state-directory.ts";
import { containerSetup } from "./container-setup.ts";
import { podFiles } from "./pod-files.ts";
import { type ContainerOfPod, podStatus } from "./pod-status.ts";
import { publisher } from "./publisher.ts";
import { type IssueToken, openVolumes, type PodVolumes } from "./volumes.ts";

const GRACE_SECONDS = 30;
/** What is left for sidecars when the application has used up the time, as the kubelet leaves it. */
const LEAST_GRACE_MS = 2_000;
/** What pods need of the mesh that they run in. */
export interface PodSurroundings {
  readonly state: StateDirectory;
  /** Programs put into every container, by name: the paths of `envoy` and `node` on this machine. */
  readonly programs: Readonly<Record<string, string>>;
  /** The module for proxies that balances by latency, if this machine has it. */
  readonly balancer: string | undefined;
  configuration(namespace: string): Configuration;
  readonly issueToken: IssueToken;
  /** Resolves when no new connections are sent to a pod that has just begun to end. */
  withdrawn(): Promise<void>;
}

export interface PodOptions {
  /** With name, namespace and uid, injected where it is to be. */
  readonly pod: Pod;
  readonly network: PodNetwork;
  /** What stands for the working directory of images: that of the file which defines the workload. */
  readonly directory: string;
  readonly standIns: PodStandIns;
  readonly onChange: () => void;
}

/** A pod that runs, or has run. */
export interface RunningPod {
  /** The object as the cluster has it: with its status, and its deletionTimestamp while it ends. */
  readonly object: () => Pod;
  readonly containers: () => readonly ContainerOfPod[];
  readonly network: PodNetwork;
  /** What commands inside one of its containers need; nothing while it does not run. */
  readonly join: (container: string) => ReturnType<RunningContainer["join"]>;
  /** Writes changed ConfigMaps and Secrets into its volumes. */
  refresh(): void;
  /**
   * Ends it in order and removes all of it. `limitMs`, for when the whole mesh ends, shortens its own grace period and
   * leaves out preStop hooks: nobody is left for whom to drain.
   */
  stop(limitMs?: number): Promise<void>;
}

/** Runs a pod as the kubelet does: network, volumes, init containers in order, then all others. */
export function startPod(options: PodOptions, surroundings: PodSurroundings): RunningPod {
  const { network, onChange } = options;
  const { spec } = options.pod;
  const directory = join(surroundings.state.pods, options.pod.metadata.uid ?? options.pod.metadata.name);
  const planned: readonly (readonly [Container, Role])[] = [
    ...(spec.initContainers ?? []).map(
      (container) => [container, container.restartPolicy === "Always" ? "sidecar" : "init"] as const,
    ),
    ...spec.containers.map((container) => [container, "application"] as const),
  ];
  const running = new Map<string, RunningContainer>();
  let deletionTimestamp: string | undefined;
  let problem: ContainerState | undefined;
  let volumes: PodVolumes | undefined;
  let stopped: Promise<void> | undefined;

  function containers(): readonly ContainerOfPod[] {
    const waiting: ContainerState = problem ?? { kind: "waiting", reason: "PodInitializing" };
    return planned.map(([{ name }, role]) => {
      const view = running.get(name)?.view() ?? {
        name,
        state: waiting,
        restarts: 0,
        started: false,
        ready: false,
      };
      return { ...view, role };
    });
  }

  function object(): Pod {
    const { metadata } = options.pod;
    return {
      ...options.pod,
      metadata: deletionTimestamp === undefined ? metadata : { ...metadata, deletionTimestamp },
      status: podStatus(network.address, containers()),
    };
  }

  const publish = publisher(join(directory, "pod.json"), podFile(surroundings.state, options.pod), () => {
    onChange();
    return object();
  });

  function start(container: Container, role: Role): RunningContainer {
    const started = startContainer({
      container,
      role,
      restartPolicy: spec.restartPolicy,
      podAddress: network.address,
      network: network.namespace,
      log: logFile(surroundings.state, options.pod, container.name),
      setup: () =>
        containerSetup(container, {
          pod: object(),
          volumes,
          podDirectory: directory,
          standIn: options.standIns[container.name],
          directory: options.directory,
          programs: surroundings.programs,
          balancer: surroundings.balancer,
          configuration: surroundings.configuration(options.pod.metadata.namespace ?? "default"),
        }),
      onChange: () => publish.changed(),
    });
    running.set(container.name, started);
    return started;
  }

  async function run(): Promise<void> {
    mkdirSync(directory, { recursive: true, mode: 0o711 });
    publish.changed();
    for (const [name, text] of podFiles(options.pod, network.address))
      writeFileSync(join(directory, name), text);
    const [opened] = await Promise.all([
      openVolumes({
        directory: join(directory, "volumes"),
        pod: object,
        configuration: surroundings.configuration(options.pod.metadata.namespace ?? "default"),
        issueToken: surroundings.issueToken,
      }),
      createPodNetwork(network),
    ]);
    volumes = opened;
    for (const [container, role] of planned) {
      if (stopped !== undefined) return;
      const started = start(container, role);
      if (role === "sidecar") await Promise.race([started.started, started.finished]);
      if (role === "init" && (await started.finished) !== 0) return;
    }
    await Promise.all(
      [...running.values()].filter(({ role }) => role === "application").map(({ finished }) => finished),
    );
    if (stopped === undefined) await stopSidecars(GRACE_SECONDS * 1000, "with hooks");
  }

  async function stopSidecars(graceMs: number, hooks: Hooks): Promise<void> {
    const sidecars = [...running.values()].filter(({ role }) => role === "sidecar");
    for (const sidecar of sidecars.toReversed()) await sidecar.stop(graceMs, hooks);
  }

  async function end(limitMs: number | undefined): Promise<void> {
    const ownMs = (spec.terminationGracePeriodSeconds ?? GRACE_SECONDS) * 1000;
    const graceMs = Math.min(ownMs, limitMs ?? ownMs);
    const hooks: Hooks = limitMs === undefined ? "with hooks" : "without hooks";
    deletionTimestamp = new Date().toISOString();
    publish.now();
    if (limitMs === undefined) await surroundings.withdrawn();
    const begun = performance.now();
    await Promise.all(
      [...running.values()]
        .filter(({ role }) => role !== "sidecar")
        .map((container) => container.stop(graceMs, hooks)),
    );
    await stopSidecars(
      Math.max(graceMs - (performance.now() - begun), Math.min(LEAST_GRACE_MS, graceMs)),
      hooks,
    );
    await ran;
    volumes?.close();
    publish.close();
    await removePodNetwork(network);
    rmSync(podFile(surroundings.state, options.pod), { force: true });
    rmSync(directory, { recursive: true, force: true });
    onChange();
  }

  const ran = run().catch((error: unknown) => {
    problem = { kind: "waiting", reason: "PodSetupFailed", message: String(error) };
    publish.changed();
  });

  return {
    object,
    containers,
    network,
    join: (container) => running.get(container)?.join(),
    refresh: () => volumes?.refresh(),
    stop(limitMs) {
      stopped ??= end(limitMs);
      return stopped;
    },
  };
}

type Hooks = Parameters<RunningContainer["stop"]>[1];

function podFile(state: StateDirectory, pod: Pod): string {
  return join(state.clusterPods, `${pod.metadata.namespace}.${pod.metadata.name}.json`);
}

/** The file with what a container has printed. */
export function logFile(state: StateDirectory, pod: Pod, container: string): string {
  return join(state.logs, `${pod.metadata.namespace}.${pod.metadata.name}.${container}.log`);
}
