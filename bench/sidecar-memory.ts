// Private memory of an idle sidecar, and what 5,000 Services that it does not use add to it.
import { setTimeout as sleep } from "node:timers/promises";
import { deployment, idle, namespace, server, service } from "./local-mesh/fixture.ts";
import { type LocalMesh, startMesh, until } from "./local-mesh/mesh.ts";
import type { Answer } from "./local-mesh/one-by-one.ts";
import { memory } from "./processes.ts";
import type { Benchmark } from "./report.ts";

const space = "bench";
const furtherServices = 5_000;
const idleMs = 5_000;
const few = "idle sidecar, private (RssAnon)";
const more = `what ${furtherServices} further Services add to it`;
const controlPlane = `control plane's RSS with ${furtherServices} Services`;

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [
    { name: few, unit: "MB", atMost: 20 },
    { name: more, unit: "MB", atMost: 1 },
    { name: "control plane's RSS with few Services", unit: "MB" },
    { name: controlPlane, unit: "MB", atMost: 250 },
  ],
  run: async (record, runs) => {
    for (let run = 0; run < runs; run++) {
      const mesh = await startMesh([
        namespace(space, true),
        deployment(space, "server", [server]),
        deployment(space, "client", [idle]),
        service(space, "server", "server"),
      ]);
      try {
        await call(mesh, "server");
        await sleep(idleMs);
        const sidecar = await mesh.process(space, "client");
        const before = memory(sidecar, "RssAnon");
        record(few, before);
        record("control plane's RSS with few Services", memory(await mesh.controlPlane(), "VmRSS"));
        const names = Array.from({ length: furtherServices }, (_none, index) => `service-${index}`);
        mesh.write(
          "more.yaml",
          names.map((name) => service("others", name, name)),
        );
        // In force when the last of them has a name and an answer, though nothing runs behind it.
        await until(
          async () => (await call(mesh, `service-${furtherServices - 1}.others`)) !== 0,
          "the Services",
        );
        await sleep(idleMs);
        record(more, memory(sidecar, "RssAnon") - before);
        record(controlPlane, memory(await mesh.controlPlane(), "VmRSS"));
      } finally {
        await mesh.close();
      }
    }
  },
};

/** The status that the server's pod gets; the client's stays as it is. */
async function call(mesh: LocalMesh, host: string): Promise<number> {
  const [answer] = await mesh.runIn<readonly Answer[]>(space, "server", "one-by-one.ts", [`http://${host}/`]);
  return answer?.status ?? 0;
}
