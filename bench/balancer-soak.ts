// The latency-aware balancer under load while endpoints come, go and fail: what fails, and whether memory grows.
// A run takes a minute; `--runs 60` is an hour.
import { execFile } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findBalancer } from "#local/balancer-library.ts";
import { balancerPage } from "#model/balancer.ts";
import { envoyBinary } from "#test/helpers/envoy.ts";
import { freePort } from "#test/helpers/free-port.ts";
import { startBalancing } from "./latency-aware/policies.ts";
import { startServers } from "./latency-aware/servers.ts";
import type { Load, LoadResult } from "./local-mesh/load-generator.ts";
import { memory } from "./processes.ts";
import type { Benchmark } from "./report.ts";

const run = promisify(execFile);
const load = { perSecond: 300, connections: 64, seconds: 60 };
const serverCount = 20;
const changeEveryMs = 100;

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  runs: 60,
  figures: [
    { name: "failed", unit: "%", atMost: 0.1 },
    { name: "mean", unit: "ms" },
    { name: "p99", unit: "ms" },
    { name: "endpoints known, of 20", unit: "", atMost: serverCount },
    { name: "private memory: last minute - first", unit: "MB" },
    // By then as much has been under way at a time as ever will be, which is what the first half grows by.
    { name: "private memory: last minute - middle", unit: "MB", atMost: 1 },
  ],
  run: async (record, runs) => {
    const library = await findBalancer(envoyBinary(), (line) => process.stderr.write(`${line}\n`));
    if (library.kind === "missing") throw new Error(`there is no balancer: ${library.reason}`);
    const servers = await startServers(
      Array.from({ length: serverCount }, (_, index) => ({ delayMs: 2 + index, status: 200 })),
    );
    const directory = mkdtempSync(join(tmpdir(), "heddle-soak-"));
    const file = join(directory, "endpoints.json");
    const change = changer(file, servers.ports);
    change();
    const port = await freePort();
    const envoy = await startBalancing(port, library.path, {
      soak: { policy: "latency-aware", ports: [], endpointsFile: file },
    });
    const changing = setInterval(change, changeEveryMs);
    try {
      const used: number[] = [];
      for (let minute = 0; minute < runs; minute++) {
        const result = await send(port);
        record("failed", (100 * result.failures) / result.requests);
        record("mean", result.all.meanMs);
        record("p99", result.all.p99Ms);
        record("endpoints known, of 20", (await envoy.admin(balancerPage)).split('"address"').length - 1);
        used.push(memory(envoy.pid, "RssAnon"));
      }
      const [first = 0, middle = 0, last = 0] = [used[0], used[Math.floor(runs / 2)], used.at(-1)];
      record("private memory: last minute - first", last - first);
      record("private memory: last minute - middle", last - middle);
    } finally {
      clearInterval(changing);
      await envoy.stop();
      servers.close();
      rmSync(directory, { recursive: true });
    }
  },
};

/** Each call writes another choice of endpoints, with other weights, into the file that Envoy follows. */
function changer(file: string, ports: readonly number[]): () => void {
  let round = 0;
  return () => {
    round++;
    const chosen = ports.filter((_, index) => (round + index * 7) % 3 > 0);
    const endpoint = (port: number, index: number) => ({
      endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
      load_balancing_weight: round % 2 === 0 ? 1 : 1 + (index % 3),
      health_status: (round + index) % 5 === 0 ? "UNHEALTHY" : "HEALTHY",
    });
    const resource = {
      "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
      cluster_name: "soak",
      endpoints: [{ lb_endpoints: chosen.map(endpoint) }],
    };
    writeFileSync(`${file}.new`, JSON.stringify({ resources: [resource] }));
    renameSync(`${file}.new`, file);
  };
}

async function send(port: number): Promise<LoadResult> {
  const argument: Load = { ...load, url: `http://127.0.0.1:${port}/soak` };
  const program = join(import.meta.dirname, "local-mesh", "load-generator.ts");
  const { stdout } = await run(process.execPath, [program, JSON.stringify(argument)]);
  return JSON.parse(stdout) as LoadResult;
}
