// Routes of ServiceEntries and to them, through real sidecars.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { type Answer, below, callsFrom, routeTo } from "#test/helpers/routes.ts";
import { client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

const namespace = "shop";
const outer = "outer";
const group = "networking.istio.io";
const http = [{ name: "http", port: 80, targetPort: 8080 }];

/** Hosts whose endpoints are pods of the mesh. */
function entry(name: string, address: string, hosts: readonly string[], app: string): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name, namespace: outer },
    spec: {
      hosts,
      addresses: [address],
      location: "MESH_INTERNAL",
      resolution: "STATIC",
      ports: [{ number: 80, name: "http", protocol: "HTTP", targetPort: 8080 }],
      workloadSelector: { labels: { app } },
    },
  };
}

const toEntry = (name: string, weight = 1) => ({
  group,
  kind: "ServiceEntry",
  name,
  namespace: outer,
  port: 80,
  weight,
});
const toHost = (name: string) => ({ group, kind: "Hostname", name, port: 80 });

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      meshedNamespace(outer),
      ...["one", "two"].map((name) =>
        echo(name, ["--http", "8080", "--name", name], 8080, { namespace: outer }),
      ),
      entry("one", "10.240.0.1", ["one.example.com"], "one"),
      entry("several", "10.240.0.2", ["a.example.com", "b.example.com"], "two"),
      service("web", http, { namespace }),
      client("caller", { namespace }),
    ],
    "routes.yaml": [
      routeTo("web", namespace, [
        { matches: [below("/split")], backendRefs: [toEntry("one", 3), toHost("b.example.com")] },
        { matches: [below("/host")], backendRefs: [toHost("a.example.com")] },
        { matches: [below("/several")], backendRefs: [toEntry("several")] },
        {
          matches: [below("/copied")],
          filters: [{ type: "RequestMirror", requestMirror: { backendRef: toHost("b.example.com") } }],
          backendRefs: [toEntry("one")],
        },
      ]),
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: { name: "several", namespace: outer },
        spec: {
          parentRefs: [{ group, kind: "ServiceEntry", name: "several", port: 80 }],
          rules: [
            { matches: [below("/elsewhere")], backendRefs: [toEntry("one")] },
            { matches: [below("/here")], backendRefs: [toHost("a.example.com")] },
          ],
        },
      },
    ],
  });
});
after(() => mesh.close());

const calls = (url: string, ...flags: readonly string[]): Promise<readonly Answer[]> =>
  callsFrom(mesh, { deployment: "caller", namespace }, url, flags);

async function answered(url: string, ...flags: readonly string[]): Promise<readonly string[]> {
  const answers = await calls(url, ...flags);
  return [...new Set(answers.map(({ status, json }) => json?.name ?? String(status)))].sort();
}

suite("a route", () => {
  test("of a Service has ServiceEntries and hosts for backends", async () => {
    assert.deepEqual(await answered("http://web/split", "--count", "40"), ["one", "two"]);
    assert.deepEqual(await answered("http://web/host"), ["two"]);
    assert.deepEqual(await answered("http://web/copied"), ["one"]);
  });

  test("to a ServiceEntry of several hosts is told to name one, and answers 500", async () => {
    assert.deepEqual(await answered("http://web/several"), ["500"]);
    const problems = await mesh.problems();
    assert.deepEqual(
      problems.filter(({ object }) => object?.kind === "HTTPRoute").map(({ message }) => message),
      [
        "ServiceEntry outer/several has the hosts a.example.com and b.example.com; name one of them with kind Hostname",
      ],
    );
  });

  test("of a ServiceEntry takes what goes to any of its hosts", async () => {
    for (const host of ["a.example.com", "b.example.com"]) {
      const header = ["--header", `host:${host}`];
      assert.deepEqual(await answered("http://10.240.0.2/elsewhere", ...header), ["one"]);
      assert.deepEqual(await answered("http://10.240.0.2/here", ...header), ["two"]);
      assert.deepEqual(await answered("http://10.240.0.2/nowhere", ...header), ["404"]);
    }
    assert.deepEqual(await answered("http://10.240.0.1/nowhere"), ["one"]);
  });
});
