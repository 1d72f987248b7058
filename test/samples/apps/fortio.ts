// Of fortio what the task of circuit breaking uses: `server`, `curl URL`, and `load -c CONNECTIONS -n CALLS URL`,
// which prints how many calls ended with which status.
import { Agent, request } from "node:http";
import { parseArgs } from "node:util";
import { call, serve } from "./http.ts";

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).map((word) => word.replace(/^-(?=[a-z]{2,})/u, "--")),
  options: {
    c: { type: "string", short: "c", default: "4" },
    n: { type: "string", short: "n", default: "1" },
    qps: { type: "string" },
    loglevel: { type: "string" },
    quiet: { type: "boolean" },
  },
  allowPositionals: true,
});
const [command, url = ""] = positionals;

function status(agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const calling = request(url, { agent }, (message) => {
      message.resume().on("close", () => resolve(message.statusCode ?? -1));
    });
    calling.on("error", () => resolve(-1));
    calling.end();
  });
}

/** Each connection calls as fast as it can until all calls have been made. */
async function load(connections: number, calls: number): Promise<void> {
  const codes = new Map<number, number>();
  let left = calls;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (left-- > 0) {
        const code = await status(agent);
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
      agent.destroy();
    }),
  );
  for (const [code, count] of [...codes].toSorted(([a], [b]) => a - b))
    console.log(`Code ${code} : ${count} (${((100 * count) / calls).toFixed(1)} %)`);
  const average = (performance.now() - begun) / calls;
  console.log(`All done ${calls} calls (plus 0 warmup) ${average.toFixed(3)} ms avg`);
}

if (command === "load") await load(Number(values.c), Number(values.n));
else if (command === "curl") console.log((await call(url, {}, 10_000)).body);
else serve(8080, () => ({ body: "echo" }));
