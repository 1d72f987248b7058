// Several different HTTP/1.1 calls by one process, one after the other or all at a time, each over a connection of its own:
//   calls.ts [--at-once] '[{"url": "http://HOST/PATH", "method": "GET", "headers": {"host": "other"}, "body": "…"}, …]'
// Writes the answers as one line of JSON.
import { type IncomingMessage, request } from "node:http";
import { parseArgs } from "node:util";

/** A call; its result is an `Answer`. */
export interface Call {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  readonly ms: number;
}

function answerTo({ url, method = "GET", headers = {}, body }: Call): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method, headers, agent: false, timeout: 60_000 },
      (response: IncomingMessage) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
            ms: performance.now() - start,
          }),
        );
        response.on("error", reject);
      },
    );
    asked.on("error", reject);
    asked.on("timeout", () => asked.destroy(new Error("timeout")));
    asked.end(body);
  });
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { "at-once": { type: "boolean", default: false } },
});
const calls = JSON.parse(positionals[0] ?? "[]") as readonly Call[];
const answers: Answer[] = [];
if (flags["at-once"]) answers.push(...(await Promise.all(calls.map(answerTo))));
else for (const call of calls) answers.push(await answerTo(call));
console.log(JSON.stringify(answers));
