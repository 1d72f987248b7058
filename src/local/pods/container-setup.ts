import { isAbsolute, join, resolve } from "node:path";
import { balancerPath } from "#model/balancer.ts";
import { commandLine, type ImageStandIn } from "#model/image-stand-in.ts";
import type { Container, Pod } from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import { withoutCommand } from "#sources/directory/check-commands.ts";
import { containerUser, credentialArguments } from "../containers/credentials.ts";
import {
  type Configuration,
  containerEnvironment,
  expandVariables,
  type Resolved,
} from "../containers/environment.ts";
import { hostFiles } from "../containers/host-files.ts";
import { type Mount, planMounts } from "../containers/mount-plan.ts";
import type { Setup } from "../containers/setup-script.ts";
import { hostName } from "./pod-files.ts";
import type { PodVolumes } from "./volumes.ts";

/** Where programs that Heddle brings are in every container, first in its PATH. */
const PROGRAMS = "/run/heddle/bin";
const PATH = `${PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** What a container's set-up is made from. */
export interface SetupContext {
  /** As it is now: fields of it become variables. */
  readonly pod: Pod;
  /** Nothing while they are being made. */
  readonly volumes: PodVolumes | undefined;
  /** Everything of the pod on disk. */
  readonly podDirectory: string;
  /** What the container runs instead of its image. */
  readonly standIn: ImageStandIn | undefined;
  /** Of the file that defines the pod: what stands for the working directory of an image without stand-in. */
  readonly directory: string;
  readonly programs: Readonly<Record<string, string>>;
  /** The module that balances by latency, if there is one. */
  readonly balancer: string | undefined;
  readonly configuration: Configuration;
}

/** All that the first process of a container needs; or what it still waits for. */
export function containerSetup(container: Container, context: SetupContext): Resolved<Setup> {
  const { pod, volumes, podDirectory, standIn } = context;
  const own = containerEnvironment(container, pod, context.configuration);
  if (own.kind === "missing") return own;
  const mounted = volumes?.mounts(container) ?? { kind: "missing", message: "volumes are being made" };
  if (mounted.kind === "missing") return mounted;
  const environment = new Map([
    ["PATH", PATH],
    ["HOSTNAME", hostName(pod)],
    ["HOME", containerUser(container, pod) === 0 ? "/root" : "/"],
    ...Object.entries(standIn?.env ?? {}),
    ...own.value,
  ]);
  const command = commandLine(container, standIn, (word) => expandVariables(word, environment));
  if (command === undefined) return { kind: "missing", message: `it ${withoutCommand(container)}` };
  const mounts = [
    ...programMounts(context.programs),
    ...(container.name === proxyContainerName ? balancerMounts(context.balancer) : []),
    ...fileMounts(podDirectory),
    ...mounted.value,
    ...uncovered(standIn, mounted.value),
  ];
  return {
    kind: "resolved",
    value: {
      scratch: join(podDirectory, "containers", container.name),
      plan: planMounts(mounts, hostFiles()),
      hostname: hostName(pod),
      workingDirectory: workingDirectory(container, standIn?.workingDir ?? context.directory),
      workingDirectoryNamed: (container.workingDir ?? standIn?.workingDir) !== undefined,
      credentials: credentialArguments(container, pod),
      environment,
      command,
    },
  };
}

function workingDirectory(container: Container, directory: string): string {
  const wanted = container.workingDir ?? ".";
  return isAbsolute(wanted) ? wanted : resolve(directory, wanted);
}

/** A stand-in is where the user has it: below /tmp, say, where the pod has a volume that the image knows nothing of. */
function uncovered(standIn: ImageStandIn | undefined, volumes: readonly Mount[]): readonly Mount[] {
  if (standIn === undefined) return [];
  const { workingDir } = standIn;
  return volumes.some(({ target }) => workingDir.startsWith(`${target}/`))
    ? [{ source: workingDir, target: workingDir, kind: "directory", readOnly: false }]
    : [];
}

function programMounts(programs: SetupContext["programs"]): Mount[] {
  return Object.entries(programs).map(([name, source]) => ({
    source,
    target: `${PROGRAMS}/${name}`,
    kind: "file",
    readOnly: true,
  }));
}

/** Where the proxy's image has it. */
function balancerMounts(source: string | undefined): Mount[] {
  return source === undefined ? [] : [{ source, target: balancerPath, kind: "file", readOnly: true }];
}

/** Files that a pod finds in /etc. */
function fileMounts(directory: string): Mount[] {
  return ["resolv.conf", "hosts", "hostname"].map((name) => ({
    source: join(directory, name),
    target: `/etc/${name}`,
    kind: "file",
    readOnly: false,
  }));
}
