// An application that writes down what it executes, and exits at once on SIGTERM: HTTP/1.1, HTTP/2 and gRPC on 8080,
// each request takes 50 ms. Appends x-call of each, a line, to a file in the directory that it is given.
import { appendFileSync } from "node:fs";
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";

const file = join(process.argv[2] ?? ".", hostname());
const takesMs = 50;

function answer(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): void {
  request.resume();
  appendFileSync(file, `${String(request.headers["x-call"])}\n`);
  setTimeout(() => {
    response.setHeader("x-echo-name", hostname());
    if (request.headers["content-type"] === "application/grpc") {
      response.setHeader("content-type", "application/grpc");
      (response as Http2ServerResponse).addTrailers({ "grpc-status": "0" });
      // An empty message; without any data there would be no trailers.
      response.end(Buffer.alloc(5));
    } else response.end("done");
  }, takesMs);
}

const http1 = createHttp1Server(answer);
http1.keepAliveTimeout = 0;
const http2 = createHttp2Server(answer);
createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", (first) => {
    socket.pause();
    socket.unshift(first);
    const isHttp2 = first.toString("latin1", 0, 3) === "PRI";
    (isHttp2 ? http2 : http1).emit("connection", socket);
    if (!isHttp2) socket.resume();
  });
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
