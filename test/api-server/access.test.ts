// Ways to an API server for which the Kubernetes library is loaded.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { connectKubernetes } from "#kubernetes/connect.ts";
import { accessFromKubeconfig } from "#kubernetes/kubeconfig.ts";
import type { Kubeconfig } from "#kubernetes/kubeconfig-file.ts";
import { startApiServer } from "#test/helpers/api-server.ts";

test("a proxy on the way is used, with the credentials of the kubeconfig", async (t) => {
  const server = await startApiServer();
  t.after(() => server.stop());
  const asked: string[] = [];
  const proxy = createServer().on("connect", (request, client, head) => {
    asked.push(request.url ?? "");
    const upstream = connect(server.port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on("error", () => {});
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close());
  const { port } = proxy.address() as { readonly port: number };
  const file = server.kubeconfig("admin");
  const config = JSON.parse(readFileSync(file, "utf8")) as Kubeconfig;
  writeFileSync(
    file,
    JSON.stringify({
      ...config,
      clusters: config.clusters?.map(({ name, cluster }) => ({
        name,
        cluster: { ...cluster, "proxy-url": `http://127.0.0.1:${port}` },
      })),
    }),
  );
  const client = await connectKubernetes({ kubeconfig: file });
  const { gitVersion } = await client.request<{ readonly gitVersion: string }>("GET", "/version");
  assert.equal(gitVersion, "v1.36.3");
  const { items } = await client.request<{ readonly items: readonly unknown[] }>("GET", "/api/v1/namespaces");
  assert.ok(items.length > 0);
  assert.equal(asked[0], `127.0.0.1:${server.port}`);
});

test("the token of an OIDC session is used", async () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const token = `${part({ alg: "none" })}.${part({ exp: Math.floor(Date.now() / 1000) + 3600 })}.x`;
  const config: Kubeconfig = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: "https://c" } }],
    users: [
      {
        name: "u",
        user: {
          "auth-provider": {
            name: "oidc",
            config: { "id-token": token, "client-id": "x", "idp-issuer-url": "https://issuer" },
          },
        },
      },
    ],
  };
  const { headers } = await accessFromKubeconfig(config, undefined).credentials();
  assert.deepEqual(headers, { Authorization: `Bearer ${token}` });
});
