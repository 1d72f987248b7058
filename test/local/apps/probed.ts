// An application that can be made unhealthy: HTTP on 8080 (/health), TCP on 9000, gRPC's health protocol on 7070.
// GET http://127.0.0.1:9998/down/KIND and /up/KIND, with KIND one of http, tcp, grpc.
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer } from "node:net";

const down = new Set<string>();

createHttpServer({ keepAliveTimeout: 0 }, (request, response) => {
  response.statusCode = down.has("http") && request.url?.startsWith("/health") === true ? 503 : 200;
  response.end(JSON.stringify({ path: request.url, host: request.headers.host }));
}).listen(8080);

/** `grpc.health.v1.HealthCheckResponse`: the status is SERVING (1) or NOT_SERVING (2). */
createHttp2Server()
  .on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("error", () => {});
    stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, down.has("grpc") ? 2 : 1]));
  })
  .listen(7070);

const listen = () => createServer((socket) => socket.on("error", () => {}).end()).listen(9000);
let tcp = listen();

createHttpServer((request, response) => {
  const [, verb, kind = ""] = (request.url ?? "").split("/");
  if (verb === "down") {
    down.add(kind);
    if (kind === "tcp") tcp.close();
  } else if (down.delete(kind) && kind === "tcp") tcp = listen();
  response.end(`${[...down].join()}\n`);
}).listen(9998, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
