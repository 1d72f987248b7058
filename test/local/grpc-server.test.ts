import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { createGrpcServer, type GrpcServer } from "#runtime/grpc-server.ts";
import { createAuthority, type TestAuthority } from "#test/helpers/certificates.ts";

async function start(
  context: TestContext,
  authority: TestAuthority,
): Promise<{ server: GrpcServer; port: number }> {
  const { chain, key } = await authority.issue({ dns: ["one.test"] });
  const server = createGrpcServer({ certificate: { chainPem: chain, keyPem: key } });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  context.after(() => server.close());
  return { server, port };
}

function dial(port: number, servername: string, more: tls.ConnectionOptions): tls.TLSSocket {
  return tls.connect({ host: "127.0.0.1", port, servername, ALPNProtocols: ["h2"], ...more });
}

test("TLS 1.2 is refused, TLS 1.3 with HTTP/2 is spoken", async (context) => {
  const authority = await createAuthority();
  const { port } = await start(context, authority);
  const old = dial(port, "one.test", { ca: authority.root, maxVersion: "TLSv1.2" });
  const [error] = (await once(old, "error")) as [Error];
  assert.match(error.message, /protocol version/);
  const socket = dial(port, "one.test", { ca: authority.root });
  await once(socket, "secureConnect");
  assert.equal(socket.getProtocol(), "TLSv1.3");
  assert.equal(socket.alpnProtocol, "h2");
  socket.destroy();
});

test("a replaced certificate is used for new connections, and old ones stay", async (context) => {
  const authority = await createAuthority();
  const { server, port } = await start(context, authority);
  const first = dial(port, "one.test", { ca: authority.root });
  await once(first, "secureConnect");
  const { chain, key } = await authority.issue({ dns: ["two.test"] });
  server.replaceCertificate({ chainPem: chain, keyPem: key });
  const second = dial(port, "two.test", { ca: authority.root, maxVersion: "TLSv1.3" });
  await once(second, "secureConnect");
  assert.match(second.getPeerCertificate().subjectaltname ?? "", /two\.test/);
  assert.equal(first.destroyed, false);
  first.destroy();
  second.destroy();
});

test("an address in use is an error of listen", async (context) => {
  const authority = await createAuthority();
  const { port } = await start(context, authority);
  const { chain, key } = await authority.issue({ dns: ["one.test"] });
  const other = createGrpcServer({ certificate: { chainPem: chain, keyPem: key } });
  await assert.rejects(other.listen({ host: "127.0.0.1", port }), /EADDRINUSE/);
});
