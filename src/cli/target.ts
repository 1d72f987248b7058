// Which mesh a command is about: one on this machine, or that of a Kubernetes cluster. Decided here alone.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { DEFAULT_STATE, stateDirectory } from "#local/state-directory.ts";

/** The cluster that a command is about. */
export interface ClusterOptions {
  readonly context?: string;
  readonly kubeconfig?: string;
}

export interface TargetOptions extends ClusterOptions {
  readonly state?: string;
}

export type Target =
  | { readonly kind: "local"; readonly state: string }
  | { readonly kind: "kubernetes"; readonly cluster: ClusterOptions };

/** For commands that are about a cluster in any case. */
export function withClusterOptions(command: Command): Command {
  return command
    .addOption(new Option("--context <name>", "the context of the kubeconfig; default: the current one"))
    .addOption(new Option("--kubeconfig <file>", "default: $KUBECONFIG, else ~/.kube/config"));
}

/** For commands that are about a mesh on this machine or on a cluster. */
export function withTargetOptions(command: Command): Command {
  return withClusterOptions(
    command.addOption(new Option("--state <directory>", "a mesh on this machine")),
  ).addHelpText("after", targetHelp);
}

const targetHelp = `
Which mesh: that of the cluster with --context or --kubeconfig, one on this machine with --state; with neither, the mesh
on this machine if one is up (${DEFAULT_STATE}), else that of the current kube context.`;

/** What the machine says where the user does not. */
export interface Surroundings {
  /** Whether a mesh is up in the default state directory. */
  readonly localMesh: boolean;
  /** Whether there is a kubeconfig, or a pod's own account. */
  readonly cluster: boolean;
}

/** Throws if the options contradict each other. */
export function chooseTarget(
  { state, context, kubeconfig }: TargetOptions,
  surroundings: Surroundings = lookAround(),
): Target {
  const toCluster = context !== undefined || kubeconfig !== undefined;
  if (state !== undefined && toCluster) {
    throw new Error(
      "--state is a mesh on this machine, --context and --kubeconfig are a cluster: give one of them",
    );
  }
  if (state !== undefined) return { kind: "local", state };
  const cluster = {
    ...(context !== undefined && { context }),
    ...(kubeconfig !== undefined && { kubeconfig }),
  };
  if (toCluster) return { kind: "kubernetes", cluster };
  return surroundings.cluster && !surroundings.localMesh
    ? { kind: "kubernetes", cluster }
    : { kind: "local", state: DEFAULT_STATE };
}

function lookAround(): Surroundings {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST } = process.env;
  return {
    localMesh: existsSync(stateDirectory(DEFAULT_STATE).supervisorSocket),
    cluster:
      (KUBECONFIG ?? "") !== "" ||
      existsSync(join(homedir(), ".kube", "config")) ||
      KUBERNETES_SERVICE_HOST !== undefined,
  };
}
