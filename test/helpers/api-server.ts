// A real API server with nothing around it but etcd, and a controller manager where one is asked for: for tests of what
// happens when it goes away. It runs on the loopback of this machine; nothing runs the pods.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import { freePort } from "./free-port.ts";
import { makeScratch } from "./scratch.ts";
import { until } from "./wait.ts";

export interface TestApiServer {
  readonly port: number;
  /** May do everything. */
  readonly admin: KubernetesClient;
  /** Writes a kubeconfig; `user` may do what RBAC grants to it, `port` is for a proxy on the way. */
  kubeconfig(user: "admin" | "reader", port?: number): string;
  /** Kills the API server; etcd keeps what it had. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** `SIGSTOP`, `SIGCONT` */
  signal(signal: NodeJS.Signals): void;
  /** Makes etcd forget all versions but the last. */
  compact(): Promise<void>;
  stop(): Promise<void>;
}

/** Puts the binaries there, unless they are. */
const prepare = join(import.meta.dirname, "../cluster/kubernetes/prepare.sh");
const binaries = join(
  process.env["XDG_CACHE_HOME"] ?? join(process.env["HOME"] ?? homedir(), ".cache"),
  "heddle/kubernetes-1.36.3/bin",
);

const tokens = { admin: "token-of-admin", reader: "token-of-reader" };

/** Starts it; takes about four seconds. */
export async function startApiServer(
  options: { readonly controllers?: string } = {},
): Promise<TestApiServer> {
  execFileSync(prepare);
  const scratch = makeScratch("api-server");
  const directory = scratch.path;
  const inDirectory = (name: string) => join(directory, name);
  const port = await freePort();
  const [etcdPort, etcdPeerPort, managerPort] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(
    inDirectory("tokens.csv"),
    `${tokens.admin},admin,1,system:masters\n${tokens.reader},reader,2\n`,
  );
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(inDirectory("accounts.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
  const run = (name: string, command: string, args: readonly string[]): ChildProcess => {
    const log = openSync(inDirectory(`${name}.log`), "a");
    // It ends with this process, however that ends.
    return spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], { stdio: ["ignore", log, log] });
  };
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${etcdPeerPort}`;
  const etcd = run("etcd", "etcd", [
    "--data-dir",
    inDirectory("etcd"),
    // Nothing here has to survive a power failure.
    "--unsafe-no-fsync",
    "--initial-cluster",
    `default=${peerUrl}`,
    "--listen-client-urls",
    etcdUrl,
    "--advertise-client-urls",
    etcdUrl,
    "--listen-peer-urls",
    peerUrl,
    "--initial-advertise-peer-urls",
    peerUrl,
  ]);
  await until(() => answers(`${etcdUrl}/health`), "etcd");
  const kubeconfig = (user: "admin" | "reader", through = port): string => {
    const file = inDirectory(`${user}-${through}.kubeconfig`);
    writeFileSync(
      file,
      JSON.stringify({
        "current-context": "test",
        contexts: [{ name: "test", context: { cluster: "test", user } }],
        clusters: [
          {
            name: "test",
            cluster: {
              server: `https://127.0.0.1:${through}`,
              "certificate-authority": inDirectory("apiserver.crt"),
            },
          },
        ],
        users: [{ name: user, user: { token: tokens[user] } }],
      }),
    );
    return file;
  };
  let server: ChildProcess | undefined;
  const start = async () => {
    server = run("kube-apiserver", join(binaries, "kube-apiserver"), [
      `--etcd-servers=${etcdUrl}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      `--cert-dir=${directory}`,
      `--token-auth-file=${inDirectory("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      "--api-audiences=https://kubernetes.default.svc",
      ...["key-file", "signing-key-file"].map(
        (flag) => `--service-account-${flag}=${inDirectory("accounts.key")}`,
      ),
      "--service-cluster-ip-range=10.96.0.0/16",
      "--endpoint-reconciler-type=none",
      "--profiling=false",
      // Accounts are made by a controller, which does not run.
      "--disable-admission-plugins=ServiceAccount",
      "--advertise-address=127.0.0.1",
    ]);
    await until(() => existsSync(inDirectory("apiserver.crt")), "the API server's certificate");
    const probe = await connectKubernetes({ kubeconfig: kubeconfig("admin") });
    await until(
      () =>
        probe.request("GET", "/api/v1/namespaces/kube-system").then(
          () => true,
          () => false,
        ),
      "the API server",
    );
  };
  await start();
  let isStopped = false;
  const isHealthy = (): Promise<boolean> =>
    isStopped ? Promise.resolve(true) : saysOk(port, inDirectory("apiserver.crt"));
  // It ends where the API server is not all there ten seconds after its own start.
  const manager =
    options.controllers === undefined
      ? undefined
      : until(isHealthy, "the API server to be all there").then(() =>
          run("kube-controller-manager", join(binaries, "kube-controller-manager"), [
            `--kubeconfig=${kubeconfig("admin")}`,
            `--controllers=${options.controllers}`,
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            `--secure-port=${managerPort}`,
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
          ]),
        );
  const etcdCall = async (
    path: string,
    body: unknown,
  ): Promise<{ readonly header: { readonly revision: string } }> => {
    const response = await fetch(`${etcdUrl}/v3/${path}`, { method: "POST", body: JSON.stringify(body) });
    return (await response.json()) as { readonly header: { readonly revision: string } };
  };
  return {
    port,
    admin: await connectKubernetes({ kubeconfig: kubeconfig("admin") }),
    kubeconfig,
    kill: () => ended(server),
    start,
    signal: (signal) => server?.kill(signal),
    compact: async () => {
      const { header } = await etcdCall("kv/range", { key: "AA==" });
      await etcdCall("kv/compaction", { revision: header.revision, physical: true });
    },
    stop: async () => {
      isStopped = true;
      await Promise.all([manager?.then(ended), ended(server)]);
      await ended(etcd);
      scratch.remove();
    },
  };
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Whether the API server says of itself that it is healthy. */
function saysOk(port: number, caFile: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${tokens.admin}` };
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/healthz", ca: readFileSync(caFile), headers, agent: false })
      .on("response", (response) => resolve(response.resume().statusCode === 200))
      .on("error", () => resolve(false));
  });
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
