// Probes of every kind, rewritten, with an application that can be made unhealthy (test/local/apps/probed.ts).
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#model/kubernetes/pod.ts";
import { patient, pod } from "#test/helpers/cluster-workloads.ts";
import { until } from "#test/helpers/wait.ts";
import { becomes, type Environment } from "./environment.ts";

const kinds = {
  http: { httpGet: { path: "/health?deep=yes", port: "web" } },
  tcp: { tcpSocket: { port: 9000 } },
  grpc: { grpc: { port: 7070, service: "ready" } },
} as const;
type Kind = keyof typeof kinds;
const each = Object.keys(kinds) as readonly Kind[];

const often = { periodSeconds: 1, failureThreshold: 2, ...patient };

/** A pod for each kind: ready as the probe says, and one that is restarted as the probe says. */
export async function makeProbed({ cluster, namespace }: Environment): Promise<void> {
  const probed = (name: string, probes: object) =>
    pod(namespace, name, ["node", "/apps/probed.js"], {
      container: { ports: [{ name: "web", containerPort: 8080 }], ...probes },
    });
  await cluster.apply(
    each.flatMap((kind) => [
      probed(`ready-${kind}`, { readinessProbe: { ...kinds[kind], ...often } }),
      probed(`lives-${kind}`, {
        startupProbe: { ...kinds[kind], ...often, failureThreshold: 60 },
        livenessProbe: { ...kinds[kind], ...often },
      }),
    ]),
  );
}

export function testProbes(environment: () => Environment): void {
  const tell = async (name: string, verb: "up" | "down", kind: Kind) => {
    const { cluster, namespace } = environment();
    const command = ["curl", "-sS", `http://127.0.0.1:9998/${verb}/${kind}`];
    await cluster.execInPod(namespace, name, command, { container: "app" });
  };

  for (const kind of each) {
    test(`a ${kind} probe makes a pod ready, not ready, and ready again`, async () => {
      const name = `ready-${kind}`;
      await becomes(environment(), name, "condition=Ready");
      await tell(name, "down", kind);
      await becomes(environment(), name, "condition=Ready=False");
      await tell(name, "up", kind);
      await becomes(environment(), name, "condition=Ready");
    });
  }

  test("probes of every kind restart containers that do not live", async () => {
    const { cluster, namespace } = environment();
    const restarts = async (name: string) => {
      const { status } = await cluster.get<Pod>("pod", name, namespace);
      return status?.containerStatuses?.[0]?.restartCount;
    };
    await Promise.all(
      each.map(async (kind) => {
        const name = `lives-${kind}`;
        await becomes(environment(), name, "condition=Ready");
        assert.equal(await restarts(name), 0);
        await tell(name, "down", kind);
        await until(async () => (await restarts(name)) === 1, `the restart of ${name}`);
        await becomes(environment(), name, "condition=Ready");
      }),
    );
  });
}
