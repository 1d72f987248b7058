/** Pods with sidecars under the local runner: they start, are reached, and outlive the death of their parts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { freePort } from "#test/helpers/free-port.ts";
import { type Mesh, prepareMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

const namespace = "shop";

describe("sidecars", () => {
  let mesh: Mesh;
  let port: number;
  before(async () => {
    port = await freePort();
    mesh = prepareMesh({
      "objects.yaml": [
        meshedNamespace(namespace),
        client("client", { namespace }),
        echo("web", ["--http", "8080"], 8080, { namespace, replicas: 2 }),
        service("web", [{ name: "http", port: 80, targetPort: 8080, appProtocol: "http" }], { namespace }),
        {
          apiVersion: "gateway.networking.k8s.io/v1",
          kind: "Gateway",
          metadata: { name: "front", namespace },
          spec: { gatewayClassName: "heddle", listeners: [{ name: "http", port, protocol: "HTTP" }] },
        },
        {
          apiVersion: "gateway.networking.k8s.io/v1",
          kind: "HTTPRoute",
          metadata: { name: "front", namespace },
          spec: { parentRefs: [{ name: "front" }], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] },
        },
      ],
    });
    await mesh.up();
  });
  after(() => mesh.close());

  const get = () => mesh.output("deploy/client", call("http://web/hello"), { namespace });

  test("a call between pods tells the server who called", async () => {
    assert.match(await get(), /spiffe:\/\/cluster\.local\/ns\/shop\/sa\/default/);
  });

  test("a gateway is reached on this machine's own address", async () => {
    let path: string | undefined;
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/hello`).catch(() => undefined);
      if (answer?.status === 200) ({ path } = (await answer.json()) as { readonly path: string });
      return path !== undefined;
    }, "the gateway");
    assert.equal(path, "/hello");
  });

  test("proxy-config shows what an Envoy holds", async () => {
    const found = await mesh.heddle(
      "proxy-config",
      "-n",
      namespace,
      "-o",
      "json",
      "deploy/client",
      "listeners",
    );
    const names = (JSON.parse(found.stdout) as { readonly name: string }[]).map(({ name }) => name);
    assert.ok(names.includes("outbound") && names.includes("inbound"), found.stdout);
    assert.match((await mesh.heddle("proxy-config", "-n", namespace, "deploy/client")).stdout, /ENDPOINTS/);
  });

  test("no request fails while the control plane is killed and comes back", async () => {
    const load = mesh.exec("deploy/client", call("http://web/", "--count", "200", "--interval", "15"), {
      namespace,
    });
    const pid = Number(readFileSync(mesh.state.controlPlanePid, "utf8"));
    process.kill(pid, "SIGKILL");
    await until(async () => {
      const { controlPlane } = await mesh.summary();
      return controlPlane.restarts === 1 && controlPlane.pid !== undefined && controlPlane.pid !== pid;
    }, "the control plane");
    const { code, stdout, stderr } = await load;
    assert.equal(code, 0, stdout + stderr);
  });

  test("a killed Envoy is started again and serves", async () => {
    const proxy = (await mesh.podsOf("client"))[0]?.containers.find(({ name }) => name === "heddle-proxy");
    assert.ok(proxy?.pid);
    process.kill(proxy.pid, "SIGKILL");
    await until(async () => {
      const [pod] = await mesh.podsOf("client");
      return pod?.restarts === 1 && pod.ready;
    }, "the proxy");
    assert.match(await get(), /"path":"\/hello"/);
  });
});
