// Credentials that a program of the cloud gives. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { KubernetesError } from "./client.ts";
import type { ExecConfiguration, KubeconfigCluster } from "./kubeconfig-file.ts";

export interface ExecCredentials {
  readonly token?: string;
  /** PEM */
  readonly clientCertificateData?: string;
  /** PEM */
  readonly clientKeyData?: string;
  /** RFC 3339; without it they are good for as long as this process runs. */
  readonly expirationTimestamp?: string;
}

const run = promisify(execFile);

/** Runs the program when there is nothing that is still valid; one run serves all who wait. */
export function execCredentials(
  exec: ExecConfiguration,
  cluster: KubeconfigCluster,
): () => Promise<ExecCredentials> {
  let current: ExecCredentials | undefined;
  let running: Promise<ExecCredentials> | undefined;
  const refresh = async (): Promise<ExecCredentials> => {
    try {
      current = await runProgram(exec, cluster);
      return current;
    } finally {
      running = undefined;
    }
  };
  return async () => {
    if (current !== undefined && Date.parse(current.expirationTimestamp ?? "9999-01-01") > Date.now())
      return current;
    running ??= refresh();
    return running;
  };
}

async function runProgram(exec: ExecConfiguration, cluster: KubeconfigCluster): Promise<ExecCredentials> {
  const info = {
    apiVersion: exec.apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: false,
      ...(exec.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}),
    },
  };
  const environment = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]));
  try {
    const { stdout } = await run(exec.command, exec.args ?? [], {
      env: { ...process.env, ...environment, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    });
    const { status } = JSON.parse(stdout) as { readonly status?: ExecCredentials };
    if (status === undefined) throw new Error("it printed no status");
    return status;
  } catch (error) {
    const { stderr = "", message } = error as Error & { readonly stderr?: string };
    const hint = exec.installHint === undefined ? "" : `\n${exec.installHint.trim()}`;
    throw new KubernetesError(
      0,
      "Configuration",
      `${exec.command} of the kubeconfig gave no credentials: ${stderr.trim() || message}${hint}`,
      { cause: error },
    );
  }
}

function clusterInfo(cluster: KubeconfigCluster): unknown {
  return {
    server: cluster.server,
    "tls-server-name": cluster["tls-server-name"],
    "insecure-skip-tls-verify": cluster["insecure-skip-tls-verify"],
    "certificate-authority-data": cluster["certificate-authority-data"],
    "proxy-url": cluster["proxy-url"],
  };
}
