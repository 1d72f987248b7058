// Ports of the host that lead to gateways, opened while clients dial them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { startHostPorts } from "#local/gateways/host-ports.ts";
import { freePort } from "#test/helpers/free-port.ts";
import { until } from "#test/helpers/wait.ts";

/** What a client sees that dials once: a greeting, or that there is nobody. */
function dial(port: number): Promise<"answered" | "refused"> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`port ${port} accepted a connection and said nothing`));
    }, 30_000);
    const end = (outcome: "answered" | "refused") => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    socket.on("data", () => end("answered"));
    socket.on("error", () => end("refused"));
    socket.on("close", () => end("refused"));
  });
}

test("who dials a port while it opens is answered or sent away, and never left waiting", async (t) => {
  const gateway = createServer((socket) => socket.end("hello"));
  const port = await freePort();
  gateway.listen(port, "127.0.0.2");
  await once(gateway, "listening");
  t.after(() => gateway.close());
  const network = openSync("/proc/self/ns/net", "r");
  t.after(() => closeSync(network));
  const ports = startHostPorts(network, () => {});
  t.after(() => ports.close());
  const wanted = {
    port,
    gateway: { kind: "Gateway", namespace: "default", name: "web" },
    field: "spec.listeners[0].port",
    endpoints: [{ address: "127.0.0.2", port }],
  };
  for (let round = 0; round < 8; round++) {
    ports.update([wanted]);
    // Several clients at once, none of which waits before it tries again.
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while ((await dial(port)) === "refused");
      }),
    );
    ports.update([]);
    await until(async () => (await dial(port)) === "refused", "the port to close");
  }
  assert.deepEqual(ports.problems(), []);
});
