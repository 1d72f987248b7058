// Network namespaces for tests: pods on one bridge, made of nothing but processes of the test, so that
// nothing is left behind when a test dies.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { join } from "node:path";
import type { AgentAnswer, AgentRequest } from "./namespace-agent.ts";

/** One network namespace. It exists until `close` is called or the test process ends. */
export interface Namespace {
  /** Path for `nsenter --net=`. */
  readonly path: string;
  /** Dials from inside; the socket is paused until something reads it. */
  connect(host: string, port: number): Promise<net.Socket>;
  /** Listens inside, on all addresses by default; hand the result to `server.listen()`. */
  listen(port: number, host?: string): Promise<net.Server>;
  /** Runs a command inside as root; throws with its stderr if it fails. */
  run(command: string, args: readonly string[], input?: string): string;
  close(): Promise<void>;
}

/** Makes a namespace with only loopback, which is up. */
export async function createNamespace(): Promise<Namespace> {
  const namespace = await runAgent("unshare", "--net");
  namespace.run("ip", ["link", "set", "lo", "up"]);
  return namespace;
}

/** The network namespace of another process. */
export function joinNamespace(pid: number): Promise<Namespace> {
  return runAgent("nsenter", `--net=/proc/${pid}/ns/net`);
}

/** Starts the agent by a program that puts it into a namespace. */
async function runAgent(program: string, ...options: readonly string[]): Promise<Namespace> {
  const agent = spawn(
    program,
    [...options, process.execPath, join(import.meta.dirname, "namespace-agent.ts")],
    { stdio: ["ignore", "inherit", "inherit", "ipc"] },
  );
  const waiting = new Map<number, (reply: AgentAnswer, handle: unknown) => void>();
  agent.on("message", (reply, handle) => {
    const { id } = reply as AgentAnswer;
    waiting.get(id)?.(reply as AgentAnswer, handle);
    waiting.delete(id);
  });
  await once(agent, "message");
  const path = `/proc/${agent.pid}/ns/net`;
  let nextId = 1;
  const ask = (request: Pick<AgentRequest, "kind" | "host" | "port">): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, (reply, handle) =>
        reply.error === undefined ? resolve(handle) : reject(new Error(reply.error)),
      );
      agent.send({ ...request, id });
    });
  const run: Namespace["run"] = (command, args, input = "") => {
    const result = spawnSync("nsenter", [`--net=${path}`, command, ...args], { input, encoding: "utf8" });
    if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  };
  return {
    path,
    run,
    connect: async (host, port) => (await ask({ kind: "connect", host, port })) as net.Socket,
    listen: async (port, host = "0.0.0.0") => (await ask({ kind: "listen", host, port })) as net.Server,
    close: async () => {
      if (agent.exitCode !== null) return;
      const exited = once(agent, "exit");
      agent.disconnect();
      await exited;
    },
  };
}

/** Pods on one bridge 10.244.0.0/24, each a namespace that reaches the others and routes all else to the node. */
export interface PodNetwork {
  readonly node: Namespace;
  /** Makes a pod; `address` must be within 10.244.0.0/24. */
  pod(address: string): Promise<Namespace>;
  close(): Promise<void>;
}

/** Makes the node namespace with its bridge at 10.244.0.1. */
export async function createPodNetwork(): Promise<PodNetwork> {
  const node = await createNamespace();
  node.run("ip", ["link", "add", "bridge", "type", "bridge"]);
  node.run("ip", ["address", "add", "10.244.0.1/24", "dev", "bridge"]);
  node.run("ip", ["link", "set", "bridge", "up"]);
  const pods: Namespace[] = [];
  return {
    node,
    pod: async (address) => {
      const pod = await createNamespace();
      const port = `pod${pods.push(pod)}`;
      const pid = /\d+/.exec(pod.path)?.[0] ?? "";
      node.run("ip", ["link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid]);
      node.run("ip", ["link", "set", port, "master", "bridge", "up"]);
      pod.run("ip", ["address", "add", `${address}/24`, "dev", "eth0"]);
      pod.run("ip", ["link", "set", "eth0", "up"]);
      pod.run("ip", ["route", "add", "default", "via", "10.244.0.1"]);
      return pod;
    },
    close: async () => {
      await Promise.all([node, ...pods].map((namespace) => namespace.close()));
    },
  };
}
