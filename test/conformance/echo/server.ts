// Stands in for the application that the Gateway API's conformance suite deploys, by its flags:
//   --port=PORT  HTTP (several)   --tls=PORT  those of them with TLS   --grpc=PORT   --tcp=PORT
// The answers are for client.ts beside it: the suite sees only what that prints.
import { createSecureServer } from "node:http2";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { createAuthority } from "#test/helpers/certificates.ts";
import { serveGrpc } from "#test/local/apps/echo-grpc.ts";
import { echo, serveHttp } from "#test/local/apps/echo-http.ts";

const ports = { type: "string", multiple: true, default: [] as string[] } as const;
const { values } = parseArgs({
  options: {
    // One of the suite's pods is only called from, and has no flags.
    port: { ...ports, default: ["8080"] },
    tls: ports,
    grpc: ports,
    tcp: ports,
    // It makes a certificate of its own.
    crt: { type: "string" },
    key: { type: "string" },
  },
});
const name = hostname();

async function serveTls(port: number): Promise<void> {
  const authority = await createAuthority();
  const { chain, key } = await authority.issue({ dns: [name] });
  createSecureServer({ cert: chain, key, allowHTTP1: true }, echo(name)).listen(port);
}

for (const port of values.port) {
  if (values.tls.includes(port)) await serveTls(Number(port));
  else serveHttp(Number(port), "0.0.0.0", name);
}
for (const port of values.grpc) serveGrpc(Number(port), "0.0.0.0", name);
for (const port of values.tcp) {
  createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  }).listen(Number(port));
}
process.on("SIGTERM", () => process.exit(0));
