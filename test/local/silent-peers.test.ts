// Peers that do not answer: sidecars that are stopped or late, and pods whose network is gone. Kernels go on accepting
// connections for the first, and nobody says a word for the last.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { httpAlpn } from "#envoy/names.ts";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { joinNamespace } from "#test/helpers/namespace.ts";
import { callsFrom } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { client, deployment, meshedNamespace, service } from "#test/helpers/workloads.ts";
import type { Answer, Call } from "./apps/calls.ts";

const namespace = "shop";
const directory = mkdtempSync(join(tmpdir(), "heddle-silent-"));
const ports = [{ name: "http", port: 80, targetPort: 8080 }];
let mesh: Mesh;
let stopped = 0;

/** An application that writes down what it executes, and is ready also while its sidecar says nothing. */
function witness(name: string, replicas: number): object {
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 60 };
  const command = ["node", join(APPS, "witness.ts"), join(directory, name)];
  return deployment(name, command, { namespace, replicas, container: { readinessProbe } });
}

/** The numbers of the calls that it has executed. */
function executed(name: string): readonly string[] {
  const file = join(directory, name);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => line.split(" ")[0] ?? "");
}

before(async () => {
  mesh = await startMesh({
    "mesh.yaml": [
      meshedNamespace(namespace),
      ...["server", "lone", "prompt"].map((name) => service(name, ports, { namespace })),
      witness("server", 3),
      witness("lone", 1),
      witness("prompt", 1),
      client("web", { namespace }),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "outside" } },
      client("stranger", { namespace: "outside" }),
    ],
  });
  // What runs commands in the pod is started.
  assert.ok((await callsFrom(mesh, { deployment: "web", namespace }, "http://lone/"))[0]?.ok);
});
after(async () => {
  if (stopped !== 0) process.kill(stopped, "SIGCONT");
  await mesh.close();
  rmSync(directory, { recursive: true });
});

/** As if the node were lost. */
const nothingPasses = `table inet gone {
  chain in { type filter hook input priority -300; iifname eth0 drop; }
  chain out { type filter hook output priority -300; oifname eth0 drop; }
}`;

async function processOf(workload: string, container: string): Promise<number> {
  const [pod] = await mesh.podsOf(workload);
  const pid = pod?.containers.find(({ name }) => name === container)?.pid;
  assert.ok(pid !== undefined, `${workload} runs`);
  return pid;
}

suite("a peer that is silent", { concurrency: true }, () => {
  test("as a pod whose network is gone: calls that wait for it end, though nobody tells", async () => {
    const flags = ["--method", "POST", "--header", "x-call:waits", "--timeout", "110000"];
    const waiting = callsFrom(mesh, { deployment: "web", namespace }, "http://lone/?delay=120000", flags);
    await until(() => executed("lone").includes("waits"), "the call");
    const pod = ["-t", String(await processOf("lone", "heddle-proxy")), "-n", "nft"];
    execFileSync("nsenter", [...pod, "-f", "-"], { input: nothingPasses });
    const [answer] = await waiting;
    execFileSync("nsenter", [...pod, "delete", "table", "inet", "gone"]);
    assert.equal(answer?.status, 503, JSON.stringify(answer));
    assert.match(answer.text ?? "", /connection termination/);
    assert.equal(executed("lone").filter((call) => call === "waits").length, 1, "it is not sent again");
  });

  test("as a sidecar that accepts connections and says nothing: calls go to others, and each is executed once", async () => {
    const calls: readonly Call[] = Array.from({ length: 60 }, (_, number) => ({
      url: "http://server/",
      method: "POST",
      body: "once",
      headers: { "x-call": String(number) },
    }));
    stopped = await processOf("server", "heddle-proxy");
    process.kill(stopped, "SIGSTOP");
    const command = ["node", join(APPS, "calls.ts"), "--at-once", JSON.stringify(calls)];
    const text = await mesh.output("deploy/web", command, { namespace, container: "web" });
    const answers = JSON.parse(text) as readonly Answer[];
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
    assert.ok(
      answers.some(({ ms }) => ms > 2_500),
      "one has tried the silent sidecar",
    );
    assert.deepEqual(
      [...executed("server")].map(Number).sort((a, b) => a - b),
      [...calls.keys()],
    );
  });

  test("as a client's sidecar that is slow to begin: its handshake goes on", async () => {
    const net = await joinNamespace(await processOf("stranger", "stranger"));
    try {
      const [pod] = await mesh.podsOf("prompt");
      const socket = await net.connect(pod?.ip ?? "", 8080);
      await sleep(300);
      const handshake = connect({ socket, ALPNProtocols: [httpAlpn], rejectUnauthorized: false });
      await new Promise<void>((resolve, reject) => {
        handshake.once("secureConnect", resolve).once("error", reject);
        handshake.once("close", () => reject(new Error("it was closed")));
        handshake.setTimeout(30_000, () => reject(new Error("it was not answered")));
      });
      assert.equal(handshake.getProtocol(), "TLSv1.3");
      handshake.destroy();
    } finally {
      await net.close();
    }
  });
});
