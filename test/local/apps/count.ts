// Calls an address many times, some calls at a time, and prints what became of them as JSON: how often each application
// answered with 200, by its x-echo-name, and how often each other status came.
//   count.ts --calls N [--at-a-time N] http://HOST:PORT/PATH
import { Agent, get } from "node:http";
import { parseArgs } from "node:util";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { calls: { type: "string", default: "1" }, "at-a-time": { type: "string", default: "16" } },
});
const agent = new Agent({ keepAlive: true });
const url = positionals[0] ?? "";

function call(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () =>
        resolve(String(response.statusCode === 200 ? response.headers["x-echo-name"] : response.statusCode)),
      );
    });
    asked.on("error", reject);
  });
}

const counts: Record<string, number> = {};
let left = Number(flags.calls);
async function callOn(): Promise<void> {
  while (left-- > 0) {
    const answer = await call();
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
}
await Promise.all(Array.from({ length: Number(flags["at-a-time"]) }, callOn));
console.log(JSON.stringify(counts));
process.exit(0);
