// What clients may know, through real sidecars: exportTo and Sidecar limit what look-ups answer.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { type Outside, openOutside, outsideResolver } from "#test/helpers/outside.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

const host = "198.51.100.20";

interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: { readonly server?: string; readonly name?: string };
  readonly text?: string;
  readonly error?: string;
}

function istio(kind: string, namespace: string, name: string, spec: object): object {
  return { apiVersion: "networking.istio.io/v1", kind, metadata: { name, namespace }, spec };
}

function exported(object: object, to: string): object {
  const { metadata, ...rest } = object as { readonly metadata: object };
  return { ...rest, metadata: { ...metadata, annotations: { "networking.istio.io/exportTo": to } } };
}

/** Answers say which routes they took. */
function marked(namespace: string, name: string, to: string, exportTo?: readonly string[]): object {
  return istio("VirtualService", namespace, name, {
    hosts: [to],
    ...(exportTo === undefined ? {} : { exportTo }),
    http: [{ route: [{ destination: { host: to }, headers: { response: { set: { "x-route": name } } } }] }],
  });
}

const port = [{ name: "http", port: 80, targetPort: 8080 }];
const api = {
  hosts: ["api.example.com"],
  ports: [{ number: 80, name: "http", protocol: "HTTP" }],
  resolution: "DNS",
};
const echoed = (name: string, namespace: string) =>
  echo(name, ["--http", "8080", "--name", name], 8080, { namespace });

let mesh: Mesh;
let outside: Outside;

before(async () => {
  mesh = await startMesh(
    {
      "apps.yaml": [
        ...["shop", "other"].flatMap((namespace) => [
          meshedNamespace(namespace),
          client("web", { namespace }),
        ]),
        client("limited", { namespace: "other" }),
        echoed("reviews", "shop"),
        exported(service("reviews", port, { namespace: "shop" }), "."),
        service("open", port, { namespace: "shop", app: "reviews" }),
        echoed("ratings", "other"),
        service("ratings", port, { namespace: "other" }),
        // Listens on another port than its Service says; its Sidecar knows which.
        echo("hidden", ["--http", "9080", "--name", "hidden"], 9080, {
          namespace: "other",
          container: { readinessProbe: { exec: { command: ["true"] } } },
        }),
        service("hidden", [{ name: "http", port: 80, targetPort: 8080 }], { namespace: "other" }),
      ],
      "scopes.yaml": [
        istio("ServiceEntry", "shop", "api", { ...api, exportTo: ["."] }),
        marked("shop", "api", "api.example.com"),
        marked("shop", "for-all", "open.shop.svc.cluster.local"),
        marked("shop", "for-others", "ratings.other.svc.cluster.local", ["shop"]),
        istio("Sidecar", "other", "limited", {
          workloadSelector: { labels: { app: "limited" } },
          egress: [{ hosts: ["./*"] }],
          outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
        }),
        istio("Sidecar", "other", "hidden", {
          workloadSelector: { labels: { app: "hidden" } },
          ingress: [
            { port: { number: 8080, name: "http", protocol: "HTTP" }, defaultEndpoint: "127.0.0.1:9080" },
            { port: { number: 8081, name: "other", protocol: "HTTP" }, defaultEndpoint: "0.0.0.0:9080" },
          ],
        }),
      ],
    },
    "--resolver",
    outsideResolver,
  );
  outside = await openOutside(mesh);
  outside.names({ "api.example.com": [host] });
  await (await outside.host(host)).http(80, "api");
});
after(async () => {
  await outside.close();
  await mesh.close();
});

async function ask(from: string, url: string, ...flags: readonly string[]): Promise<Answer> {
  const [namespace = "", name = ""] = from.split("/");
  const { stdout, stderr } = await mesh.exec(`deploy/${name}`, call(url, ...flags), {
    namespace,
    container: name,
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Answer;
}

suite("exportTo", { concurrency: true }, () => {
  test("of a Service: for others its address is one that nobody declares, to which there is no mutual TLS", async () => {
    assert.equal((await ask("shop/web", "http://reviews/")).json?.name, "reviews");
    const { status, json } = await ask("other/web", "http://reviews.shop/");
    assert.deepEqual([status, json?.name], [200, "reviews"]);
    await until(async () => {
      const { stdout } = await mesh.heddle("stat", "-n", "other", "-o", "json");
      const rows = JSON.parse(stdout) as readonly { readonly destination: { readonly service: string } }[];
      return rows.some(({ destination }) => destination.service === "PassthroughCluster");
    }, "the call to be seen as one to what nobody declares");
  });

  test("of a ServiceEntry", async () => {
    assert.equal((await ask("shop/web", "http://api.example.com/")).headers?.["x-route"], "api");
    const { status, headers } = await ask("other/web", "http://api.example.com/");
    assert.deepEqual([status, headers?.["x-route"]], [200, undefined]);
  });

  test("of a VirtualService", async () => {
    for (const from of ["shop/web", "other/web"]) {
      assert.equal((await ask(from, "http://open.shop/")).headers?.["x-route"], "for-all", from);
    }
    assert.equal((await ask("shop/web", "http://ratings.other/")).headers?.["x-route"], "for-others");
    assert.equal((await ask("other/web", "http://ratings/")).headers?.["x-route"], undefined);
  });
});

suite("Sidecar", () => {
  test("hosts that egress does not name are not known, and refused with REGISTRY_ONLY", async () => {
    assert.equal((await ask("other/limited", "http://ratings/")).json?.name, "ratings");
    for (const url of ["http://open.shop/", `http://${host}/`]) {
      const { status, text } = await ask("other/limited", url);
      assert.equal(status, 502, url);
      assert.match(text ?? "", /nothing is known of .*REGISTRY_ONLY/);
    }
  });

  test("an edit has effect at once, and the Sidecar gone, all is as without it", async () => {
    mesh.write(
      "more.yaml",
      istio("Sidecar", "other", "default", {
        egress: [{ hosts: ["shop/*", "./ratings.other.svc.cluster.local"] }],
      }),
    );
    mesh.write("root.yaml", istio("Sidecar", "istio-system", "default", { egress: [{ hosts: ["~/*"] }] }));
    await until(
      async () => (await ask("other/web", "http://hidden/")).headers?.["x-route"] === undefined,
      "the edit",
    );
    assert.equal((await ask("other/web", "http://ratings/")).json?.name, "ratings");
    assert.equal((await ask("other/web", "http://open.shop/")).headers?.["x-route"], "for-all");
    // Without one of its own, a namespace has that of the root namespace.
    await until(
      async () => (await ask("shop/web", "http://open/")).headers?.["x-route"] === undefined,
      "the mesh's Sidecar to hide all",
    );
    mesh.remove("root.yaml");
    mesh.remove("more.yaml");
    await until(
      async () => (await ask("shop/web", "http://open/")).headers?.["x-route"] === "for-all",
      "routes again",
    );
  });

  test("ingress says where the application listens", async () => {
    for (const round of ["first", "later"]) {
      assert.equal((await ask("shop/web", "http://hidden.other/")).json?.name, "hidden", round);
    }
    const [pod] = await mesh.podsOf("hidden");
    assert.equal((await ask("shop/web", `http://${pod?.ip}:8081/`)).json?.name, "hidden");
  });
});
