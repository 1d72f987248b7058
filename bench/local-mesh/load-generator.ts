// Sends requests at a fixed rate, whether or not earlier ones were answered, and prints how long each took as JSON.
import { Agent, request } from "node:http";
import { percentile, sum } from "../statistics.ts";

export interface Load {
  readonly url: string;
  readonly perSecond: number;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Failed requests count here, too: their clients waited. */
  readonly all: { readonly meanMs: number; readonly p99Ms: number };
}

const body = Buffer.alloc(1024, "x");
const { url, perSecond, connections, seconds, headers } = JSON.parse(process.argv[2] ?? "{}") as Load;
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const total = perSecond * seconds;
const times: number[] = [];
const allTimes: number[] = [];
let sent = 0;
let failures = 0;
let done = 0;

const start = performance.now();
const timer = setInterval(() => {
  const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond));
  while (sent < due) {
    sent++;
    send();
  }
  if (sent === total) clearInterval(timer);
}, 1);

function send(): void {
  const sentAt = performance.now();
  const outgoing = request(
    url,
    { agent, method: "POST", headers: { ...headers, "content-length": body.length } },
    (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) times.push(performance.now() - sentAt);
        else failures++;
        finish(sentAt);
      });
    },
  );
  outgoing.on("error", () => {
    failures++;
    finish(sentAt);
  });
  outgoing.end(body);
}

function finish(sentAt: number): void {
  allTimes.push(performance.now() - sentAt);
  if (++done < total) return;
  agent.destroy();
  const result: LoadResult = {
    requests: total,
    failures,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    all: { meanMs: sum(allTimes) / allTimes.length, p99Ms: percentile(allTimes, 0.99) },
  };
  process.stdout.write(JSON.stringify(result));
}
