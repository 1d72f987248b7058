// A stand-in application: answers with what it saw. Flags choose what it serves, each may be given several times:
//   --http PORT    HTTP/1.1, HTTP/2 without TLS and WebSocket on one port
//   --grpc PORT    heddle.test.Echo, unary and streaming
//   --tcp PORT     sends back what it gets
//   --greet PORT   speaks first: "220 NAME ready", then sends back what it gets
//   --tls PORT     answers each line, in TLS, with "NAME SERVER-NAME LINE"; certificate and key are in $TLS_CHAIN and $TLS_KEY
//   --name NAME    what it calls itself (default: the host's name)
//   --host ADDRESS where it listens (default: 0.0.0.0)
//   --linger MS    how long it goes on serving after SIGTERM (default: 0)
import { createServer } from "node:net";
import { hostname } from "node:os";
import { createServer as createTlsServer } from "node:tls";
import { parseArgs } from "node:util";
import { serveGrpc } from "./echo-grpc.ts";
import { serveHttp } from "./echo-http.ts";

const ports = { type: "string", multiple: true, default: [] as string[] } as const;
const { values } = parseArgs({
  options: {
    http: ports,
    grpc: ports,
    tcp: ports,
    greet: ports,
    tls: ports,
    name: { type: "string", default: process.env.POD_NAME ?? hostname() },
    host: { type: "string", default: "0.0.0.0" },
    linger: { type: "string", default: "0" },
  },
});
const { name, host } = values;

function serveTcp(port: number, greeting: string | undefined): void {
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.setNoDelay();
    socket.on("error", () => socket.destroy());
    if (greeting !== undefined) socket.write(greeting);
    socket.pipe(socket);
  }).listen(port, host);
}

function serveTls(port: number): void {
  const { TLS_CHAIN: cert, TLS_KEY: key } = process.env;
  createTlsServer({ cert, key }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket
      .setEncoding("utf8")
      .on("data", (line: string) => socket.write(`${name} ${socket.servername || "-"} ${line}`));
  }).listen(port, host);
}

for (const port of values.http) serveHttp(Number(port), host, name);
for (const port of values.grpc) serveGrpc(Number(port), host, name);
for (const port of values.tcp) serveTcp(Number(port), undefined);
for (const port of values.greet) serveTcp(Number(port), `220 ${name} ready\r\n`);
for (const port of values.tls) serveTls(Number(port));
console.log(`${name}: ${process.argv.slice(2).join(" ")}`);
process.on("SIGTERM", () => setTimeout(() => process.exit(0), Number(values.linger)));
