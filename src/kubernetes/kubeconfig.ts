// kubeconfig files → access to the cluster of a context.
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { load } from "js-yaml";
import type { ClusterAccess } from "./access.ts";
import { KubernetesError } from "./client.ts";
import type { Kubeconfig } from "./kubeconfig-file.ts";
import { credentialsOf } from "./user-credentials.ts";

/** The kubeconfig files to read: the one given, those of `KUBECONFIG`, or `~/.kube/config` where there is one. */
export function kubeconfigFiles(
  given: string | undefined,
  environment: NodeJS.ProcessEnv,
): readonly string[] {
  if (given !== undefined) return [given];
  const listed = environment["KUBECONFIG"] ?? "";
  if (listed !== "") return listed.split(delimiter).filter((file) => file !== "");
  const usual = join(environment["HOME"] ?? homedir(), ".kube", "config");
  return existsSync(usual) ? [usual] : [];
}

/** Reads and merges files as kubectl does: the first that has a name decides. Missing files of a list are skipped. */
export function readKubeconfig(files: readonly string[]): Kubeconfig {
  const read = files.flatMap((file) => (files.length > 1 && !existsSync(file) ? [] : [parseFile(file)]));
  const current = read.find((config) => (config["current-context"] ?? "") !== "")?.["current-context"];
  return {
    ...(current === undefined ? {} : { "current-context": current }),
    clusters: read.flatMap(({ clusters }) => clusters ?? []),
    users: read.flatMap(({ users }) => users ?? []),
    contexts: read.flatMap(({ contexts }) => contexts ?? []),
  };
}

function parseFile(file: string): Kubeconfig {
  let config: unknown;
  try {
    const text = readFileSync(file, "utf8");
    config = text.trim() === "" ? {} : load(text);
  } catch (error) {
    throw new KubernetesError(
      0,
      "Configuration",
      `cannot read the kubeconfig ${file}: ${(error as Error).message}`,
      { cause: error },
    );
  }
  if (typeof config !== "object" || config === null) throw configurationError(`${file} is no kubeconfig`);
  return withAbsolutePaths(config, dirname(resolve(file)));
}

/** Paths in a kubeconfig are relative to its directory. */
function withAbsolutePaths(config: Kubeconfig, directory: string): Kubeconfig {
  const absolute = <T extends object>(fields: T, names: readonly (keyof T)[]): T => {
    const present = names.filter((name) => typeof fields[name] === "string" && fields[name] !== "");
    return {
      ...fields,
      ...Object.fromEntries(present.map((name) => [name, resolve(directory, String(fields[name]))])),
    };
  };
  return {
    ...config,
    clusters: (config.clusters ?? []).map(({ name, cluster }) => ({
      name,
      cluster: absolute(cluster, ["certificate-authority"]),
    })),
    users: (config.users ?? []).map(({ name, user = {} }) => ({
      name,
      user: absolute(user, ["client-certificate", "client-key", "tokenFile"]),
    })),
  };
}

/** Access to the cluster of a context; the current one if none is named. */
export function accessFromKubeconfig(config: Kubeconfig, contextName: string | undefined): ClusterAccess {
  const name = contextName ?? config["current-context"];
  if (name === undefined)
    throw configurationError("the kubeconfig has no current-context; name one with --context");
  const context = config.contexts?.find((each) => each.name === name)?.context;
  if (context === undefined) {
    const names = (config.contexts ?? []).map((each) => each.name).join(", ");
    throw configurationError(
      `the kubeconfig has no context ${name}; it has ${names === "" ? "none" : names}`,
    );
  }
  const cluster = config.clusters?.find((each) => each.name === context.cluster)?.cluster;
  if (cluster?.server === undefined)
    throw configurationError(
      `context ${name} refers to cluster ${context.cluster}, which is not in the kubeconfig`,
    );
  const user = config.users?.find((each) => each.name === context.user)?.user ?? {};
  return {
    server: new URL(cluster.server),
    namespace: context.namespace ?? "default",
    credentials: credentialsOf(cluster, user),
  };
}

function configurationError(message: string): KubernetesError {
  return new KubernetesError(0, "Configuration", message);
}
