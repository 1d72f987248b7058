// Requests while the control plane is stopped: known hosts keep working, an unknown one is answered.
import { deployment, idle, namespace, server, service } from "./local-mesh/fixture.ts";
import { startMesh } from "./local-mesh/mesh.ts";
import type { Answer } from "./local-mesh/one-by-one.ts";
import type { Benchmark } from "./report.ts";

const space = "bench";
const requests = 100;
const known = `of ${requests} requests to a known host, not answered with 200`;
const unknown = "answer to the first request to an unknown host, after";
const unclear = "answers to an unknown host that are neither 503 nor 504";

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [
    { name: known, unit: "requests", atMost: 0 },
    { name: unknown, unit: "s", atMost: 5 },
    { name: unclear, unit: "requests", atMost: 0 },
  ],
  run: async (record, runs) => {
    const mesh = await startMesh([
      namespace(space, true),
      deployment(space, "server", [server]),
      deployment(space, "client", [idle]),
      service(space, "known", "server"),
      ...Array.from({ length: runs }, (_none, index) => service(space, `unknown-${index}`, "server")),
    ]);
    const send = (urls: readonly string[]) =>
      mesh.runIn<readonly Answer[]>(space, "client", "one-by-one.ts", urls);
    try {
      await send(["http://known/"]);
      const controlPlane = await mesh.controlPlane();
      for (let run = 0; run < runs; run++) {
        process.kill(controlPlane, "SIGSTOP");
        try {
          const answers = await send(Array.from({ length: requests }, () => "http://known/"));
          record(known, answers.filter(({ status }) => status !== 200).length);
          const [answer] = await send([`http://unknown-${run}/`]);
          record(unknown, (answer?.ms ?? Number.POSITIVE_INFINITY) / 1000);
          record(unclear, answer?.status === 503 || answer?.status === 504 ? 0 : 1);
        } finally {
          process.kill(controlPlane, "SIGCONT");
        }
      }
    } finally {
      await mesh.close();
    }
  },
};
