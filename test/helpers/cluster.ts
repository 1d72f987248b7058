// The Kubernetes of the tests: the user's own when one is named, else the cluster of test/cluster/kubernetes,
// which the tests of one working copy share, with the images of images/ in it. Tests make namespaces of their own.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { KubernetesObject } from "#model/object.ts";
import { joinNamespace, type Namespace } from "./namespace.ts";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Forwarding {
  /** On 127.0.0.1 of this machine. */
  readonly port: number;
  close(): void;
}

export type Definitions = "gateway-api-standard" | "gateway-api-experimental" | "istio";

/** `kubeconfig` and `context` are what a connection to the API server takes. */
export interface Cluster {
  readonly kubeconfig: string;
  readonly context?: string;
  /** Made for tests, and thrown away after them; not one of the user's. */
  readonly isForTests: boolean;
  /** The standard output; throws with what it said unless it ends with 0. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** As `kubectl`, whatever it ends with. */
  tryKubectl(args: readonly string[], input?: string): Promise<CommandResult>;
  /** Server-side apply, field manager `test`. */
  apply(objects: readonly KubernetesObject[]): Promise<void>;
  get<T>(kind: string, name: string, namespace?: string): Promise<T>;
  /** Custom resource definitions, unless they are there. */
  define(...sets: readonly Definitions[]): Promise<void>;
  /** A new namespace, its name made of `prefix` and something that no other has, where pods can be made at once. */
  createNamespace(prefix: string, labels?: Readonly<Record<string, string>>): Promise<string>;
  /** Does not wait until it is gone. */
  deleteNamespace(namespace: string): Promise<void>;
  /** Waits until a Deployment, StatefulSet or DaemonSet (`deployment/web`) has all of its pods in their last form. */
  rolledOut(namespace: string, workload: string, seconds?: number): Promise<void>;
  /** Runs a command in a pod (`web-0`, `deployment/web`), and gives what it printed; throws unless it ends with 0. */
  execInPod(
    namespace: string,
    pod: string,
    command: readonly string[],
    options?: { readonly container?: string; readonly input?: string },
  ): Promise<string>;
  logs(namespace: string, pod: string, container?: string): Promise<string>;
  /** A port of this machine that leads to one of a pod (`web-0`, `deployment/web`, `service/web`). */
  portForward(namespace: string, pod: string, port: number): Promise<Forwarding>;
  /**
   * Sends a signal to a part of Kubernetes: after KILL the API server and etcd are started again, after STOP they hang
   * until CONT. Not on a cluster of the user's.
   */
  signal(daemon: "kube-apiserver" | "etcd", signal: "KILL" | "STOP" | "CONT"): Promise<void>;
  /** Runs a command in the node's network, with its processes and mounts. Not on a cluster of the user's. */
  inNode(command: readonly string[], input?: string): Promise<string>;
  /**
   * The node's network for this process: dials pods and Services, listens where the API server can call a webhook by
   * URL. Not on a cluster of the user's.
   */
  nodeNetwork(): Promise<Namespace>;
}

const SCRIPT = resolve(import.meta.dirname, "../cluster/kubernetes/cluster.sh");
const OWN = "HEDDLE_TEST_CLUSTER";

/** The name of this working copy's cluster. */
function testClusterName(): string {
  const directory = resolve(import.meta.dirname, "../..");
  return process.env[OWN] ?? `test-${createHash("sha256").update(directory).digest("hex").slice(0, 8)}`;
}

interface Access {
  readonly kubeconfig: string;
  readonly context?: string;
}

/** What KUBECONFIG and HEDDLE_TEST_CONTEXT (`npm test -- --context=NAME`) say. */
function namedCluster(): Access | undefined {
  const kubeconfig = process.env["KUBECONFIG"];
  const context = process.env["HEDDLE_TEST_CONTEXT"];
  if (!kubeconfig && !context) return undefined;
  return { kubeconfig: kubeconfig || join(homedir(), ".kube/config"), ...(context && { context }) };
}

/** The cluster of the tests. Starts it when nobody has; then it runs until `cluster.sh down` ends it. */
export async function startCluster(): Promise<Cluster> {
  const named = namedCluster();
  if (named !== undefined) return clusterOf(named, process.env[OWN]);
  const name = testClusterName();
  const kubeconfig = (await succeed(SCRIPT, ["up", name])).trim();
  await loadImages(name);
  return clusterOf({ kubeconfig }, name);
}

/**
 * Runs the cluster of this working copy for as long as this process and until the result is called; nothing when the
 * user has a cluster. Processes started from now on find it.
 */
export async function holdCluster(): Promise<() => Promise<void>> {
  if (namedCluster() !== undefined) return () => Promise.resolve();
  const name = testClusterName();
  const holder = spawn(SCRIPT, ["hold", name], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const ended = new Promise<void>((done) => holder.on("close", () => done()));
  const kubeconfig = await new Promise<string>((done, reject) => {
    holder.stdout.once("data", (line: Buffer) => done(line.toString().trim()));
    holder.on("close", (code) => reject(new Error(`the test cluster did not start (${code}); see above`)));
  });
  await loadImages(name);
  process.env["KUBECONFIG"] = kubeconfig;
  process.env[OWN] = name;
  return async () => {
    holder.stdin.end();
    await ended;
    delete process.env["KUBECONFIG"];
    delete process.env[OWN];
  };
}

function clusterOf(access: Access, name: string | undefined): Cluster {
  const accessFlags = access.context === undefined ? [] : [`--context=${access.context}`];
  const environment = { ...process.env, KUBECONFIG: access.kubeconfig, PATH: pathWithKubectl() };
  const tryKubectl: Cluster["tryKubectl"] = (args, input) =>
    run("kubectl", [...accessFlags, ...args], input, environment);
  const kubectl: Cluster["kubectl"] = async (args, input) =>
    outputOf(`kubectl ${args.join(" ")}`, await tryKubectl(args, input));
  const ownNode = (): string => {
    if (name === undefined) throw new Error("the node of a cluster of the user's own cannot be entered");
    return name;
  };
  return {
    ...access,
    isForTests: name !== undefined,
    kubectl,
    tryKubectl,
    async apply(objects) {
      const list = { apiVersion: "v1", kind: "List", items: objects };
      await kubectl(["apply", "--server-side", "--field-manager=test", "-f", "-"], JSON.stringify(list));
    },
    async get<T>(kind: string, object: string, namespace?: string) {
      const where = namespace === undefined ? [] : ["-n", namespace];
      return JSON.parse(await kubectl(["get", kind, object, ...where, "-o", "json"])) as T;
    },
    async define(...sets) {
      for (const set of sets) {
        const file = join(import.meta.dirname, `../cluster/kubernetes/crds/${set}.yaml.gz`);
        await kubectl(["apply", "--server-side", "-f", "-"], gunzipSync(readFileSync(file)).toString());
      }
      await kubectl(["wait", "crd", "--all", "--for=condition=Established", "--timeout=180s"]);
    },
    async createNamespace(prefix, labels = {}) {
      const namespace = `${prefix}-${randomBytes(3).toString("hex")}`;
      const metadata = { name: namespace, labels };
      await kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata }));
      await kubectl(["wait", "serviceaccount/default", "-n", namespace, "--for=create", "--timeout=180s"]);
      return namespace;
    },
    deleteNamespace: async (namespace) =>
      void (await kubectl(["delete", "namespace", namespace, "--wait=false", "--ignore-not-found"])),
    rolledOut: async (namespace, workload, seconds = 180) =>
      void (await kubectl(["rollout", "status", "-n", namespace, workload, `--timeout=${seconds}s`])),
    execInPod: (namespace, pod, command, { container, input } = {}) =>
      kubectl(
        [
          "exec",
          "-n",
          namespace,
          ...(container === undefined ? [] : ["-c", container]),
          ...(input === undefined ? [] : ["-i"]),
          pod,
          "--",
          ...command,
        ],
        input,
      ),
    logs: (namespace, pod, container) =>
      kubectl(["logs", "-n", namespace, pod, ...(container === undefined ? [] : ["-c", container])]),
    portForward: (namespace, pod, port) =>
      forward([...accessFlags, "port-forward", "-n", namespace, pod, `:${port}`], environment),
    async signal(daemon, signal) {
      const files = `$(grep -lsx ${daemon} /proc/[0-9]*/comm)`;
      const kill = `for file in ${files}; do file=\${file%/comm}; kill -${signal} \${file#/proc/}; done`;
      await succeed(SCRIPT, ["enter", ownNode(), "sh", "-c", kill]);
    },
    inNode: async (command, input) => succeed(SCRIPT, ["enter", ownNode(), ...command], input),
    nodeNetwork: async () => joinNamespace(Number(await succeed(SCRIPT, ["pid", ownNode()]))),
  };
}

/** Heddle's images and `mesh.local/test:1`; those that have changed. */
async function loadImages(name: string): Promise<void> {
  const repository = resolve(import.meta.dirname, "../..");
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", "scripts/images.ts", "load", name];
  await succeed("env", ["-C", repository, ...node]);
}

/** The test cluster's kubectl comes last, for users who have none. */
function pathWithKubectl(): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return [process.env["PATH"], join(cache, "heddle/kubernetes-1.36.3/bin")].join(delimiter);
}

function forward(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Forwarding> {
  const child = spawn("kubectl", args, { stdio: ["ignore", "pipe", "pipe"], env: environment });
  const close = (): void => void child.kill();
  process.once("exit", close);
  child.once("close", () => process.removeListener("exit", close));
  return new Promise((done, reject) => {
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stdout.on("data", (chunk: Buffer) => {
      const port = /127\.0\.0\.1:(\d+)/.exec(chunk.toString())?.[1];
      if (port !== undefined) done({ port: Number(port), close });
    });
    child.on("error", reject);
    child.on("close", () => reject(new Error(`kubectl ${args.join(" ")}: ${said}`)));
  });
}

async function succeed(program: string, args: readonly string[], input?: string): Promise<string> {
  return outputOf(`${program} ${args.join(" ")}`, await run(program, args, input));
}

function outputOf(what: string, { code, stdout, stderr }: CommandResult): string {
  if (code !== 0) throw new Error(`${what} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

function run(
  program: string,
  args: readonly string[],
  input = "",
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandResult> {
  return new Promise((done, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    child.stdin.on("error", () => {}); // It may end without reading all of its input.
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", (code) => done({ code: code ?? 1, stdout, stderr }));
  });
}
