// What two sidecars add to a request, beside two bare Envoys with mTLS and beside nothing, in interleaved rounds.
import { bareEnvoys, barePort, plainRoute } from "./local-mesh/bare-envoys.ts";
import { deployment, idle, namespace, server, serverPort, service } from "./local-mesh/fixture.ts";
import { startMesh } from "./local-mesh/mesh.ts";
import { measureWay, send } from "./local-mesh/ways.ts";
import type { Benchmark } from "./report.ts";

const meshed = "bench";
const bare = "bare";
const warmUpSeconds = 3;
const roundSeconds = 5;

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  // Short rounds and many: what else the machine does then touches all three ways alike.
  runs: 9,
  figures: [
    { name: "no proxy: p50", unit: "ms" },
    { name: "no proxy: p99", unit: "ms" },
    { name: "two bare Envoys: p50", unit: "ms" },
    { name: "two bare Envoys: p99", unit: "ms" },
    { name: "two bare Envoys: CPU per 1,000 requests", unit: "CPU-s" },
    { name: "two sidecars: p50", unit: "ms" },
    { name: "two sidecars: p99", unit: "ms" },
    { name: "two sidecars: CPU per 1,000 requests", unit: "CPU-s" },
    { name: "two sidecars add: p50", unit: "ms" },
    { name: "two sidecars add: p99", unit: "ms" },
    { name: "p50 ÷ p50 of bare Envoys", unit: "×", atMost: 1.1 },
    { name: "p99 ÷ p99 of bare Envoys", unit: "×" },
    { name: "CPU ÷ CPU of bare Envoys", unit: "×", atMost: 1.15 },
  ],
  run: async (record, runs) => {
    const envoys = await bareEnvoys(bare, `server.${bare}`, [plainRoute]);
    const mesh = await startMesh([
      namespace(meshed, true),
      deployment(meshed, "server", [server]),
      deployment(meshed, "client", [idle]),
      service(meshed, "server", "server"),
      namespace(bare, false),
      deployment(bare, "server", [server, envoys.server]),
      deployment(bare, "client", [idle, envoys.client]),
      service(bare, "server", "server", { headless: true }),
    ]);
    const ways = {
      direct: { namespace: bare, url: `http://server:${serverPort}/`, container: undefined },
      bare: { namespace: bare, url: `http://127.0.0.1:${barePort}/`, container: "envoy" },
      sidecars: { namespace: meshed, url: "http://server/", container: "heddle-proxy" },
    };
    try {
      // The first requests may fail: a bare Envoy learns a second late that its server's name has an address.
      for (const way of Object.values(ways)) await send(mesh, way, warmUpSeconds);
      for (let run = 0; run < runs; run++) {
        const direct = await measureWay(mesh, ways.direct, roundSeconds);
        const byBare = await measureWay(mesh, ways.bare, roundSeconds);
        const bySidecars = await measureWay(mesh, ways.sidecars, roundSeconds);
        for (const [name, way] of [
          ["no proxy", direct],
          ["two bare Envoys", byBare],
          ["two sidecars", bySidecars],
        ] as const) {
          record(`${name}: p50`, way.p50Ms);
          record(`${name}: p99`, way.p99Ms);
          if (way !== direct) record(`${name}: CPU per 1,000 requests`, way.cpuPerThousand);
        }
        record("two sidecars add: p50", bySidecars.p50Ms - direct.p50Ms);
        record("two sidecars add: p99", bySidecars.p99Ms - direct.p99Ms);
        record("p50 ÷ p50 of bare Envoys", bySidecars.p50Ms / byBare.p50Ms);
        record("p99 ÷ p99 of bare Envoys", bySidecars.p99Ms / byBare.p99Ms);
        record("CPU ÷ CPU of bare Envoys", bySidecars.cpuPerThousand / byBare.cpuPerThousand);
      }
    } finally {
      await mesh.close();
    }
  },
};
