// Runs in a pod with a sidecar: looks at a cluster of its Envoy every few milliseconds and prints when each set of
// endpoints was there, until a last one comes. `node … '{"url": …, "cluster": …, "last": …}'`
import { request } from "node:http";

/** An address, and when it was first seen (monotonic ms). */
export interface Sighting {
  readonly address: string;
  readonly at: number;
}

const everyMs = 4;

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { timeout: 2_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve(text));
    });
    asked.on("timeout", () => asked.destroy(new Error("timeout")));
    asked.on("error", reject).end();
  });
}

async function watch(url: string, last: string): Promise<readonly Sighting[]> {
  const seen = new Map<string, number>();
  // The sidecar learns of the Service by a request. Nobody answers it.
  void get(url).catch(() => {});
  while (!seen.has(last)) {
    const clusters = await get("http://127.0.0.1:15000/clusters");
    const at = Number(process.hrtime.bigint()) / 1e6;
    for (const [, address = ""] of clusters.matchAll(/::(198\.18\.\d+\.\d+):\d+::weight::/g)) {
      if (!seen.has(address)) seen.set(address, at);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return [...seen].map(([address, at]) => ({ address, at }));
}

const { url, last } = JSON.parse(process.argv.at(-1) ?? "{}") as {
  readonly url: string;
  readonly last: string;
};
process.stdout.write(JSON.stringify(await watch(url, last)));
