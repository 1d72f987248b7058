// An application that answers after 4 ms, or after as long as it was told: `PUT /` with milliseconds on a port of its own.
import { createServer } from "node:http";
import type { Container } from "#model/kubernetes/pod.ts";
import { serverPort } from "../local-mesh/fixture.ts";

/** On loopback. */
export const slowServerPort = 8081;

export const slowServer: Container = {
  name: "application",
  command: [process.execPath, import.meta.filename],
  ports: [{ name: "http", containerPort: serverPort }],
  // Patient: what is slow on purpose stays among the endpoints.
  readinessProbe: { tcpSocket: { port: serverPort }, periodSeconds: 1, timeoutSeconds: 10 },
};

function serve(): void {
  let delayMs = 4;
  createServer({ keepAliveTimeout: 0 }, (request, response) => {
    request.resume();
    request.on("end", () => setTimeout(() => response.end("x".repeat(1024)), delayMs));
  }).listen(serverPort);
  createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      delayMs = Number(text);
      response.end();
    });
  }).listen(slowServerPort, "127.0.0.1");
}

if (process.argv[1] === import.meta.filename) serve();
