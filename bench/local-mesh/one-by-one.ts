// Sends a request to each URL in turn, each on a connection of its own, and prints status and time of each as JSON.
import { request } from "node:http";

export interface Answer {
  /** 0 where none came. */
  readonly status: number;
  readonly ms: number;
}

const urls = JSON.parse(process.argv[2] ?? "[]") as readonly string[];
const answers: Answer[] = [];
for (const url of urls) answers.push(await get(url));
process.stdout.write(JSON.stringify(answers));

function get(url: string): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve) => {
    const end = (status: number): void => resolve({ status, ms: performance.now() - start });
    request(url, { agent: false }, (response) => {
      response.resume();
      response.on("end", () => end(response.statusCode ?? 0));
    })
      .on("error", () => end(0))
      .end();
  });
}
