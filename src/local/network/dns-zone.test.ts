import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type Question } from "dns-packet";
import { aliasOf, answerAlias, answerQuery, isOwnName } from "./dns-zone.ts";
import type { ServiceEndpoints } from "./service-endpoints.ts";

const web: ServiceEndpoints = {
  namespace: "shop",
  name: "web",
  address: "10.96.0.20",
  ports: [{ name: "http", port: 80, protocol: "tcp", targets: [{ address: "10.244.1.1", port: 8080 }] }],
  members: [{ address: "10.244.1.1" }],
};
const database: ServiceEndpoints = {
  namespace: "shop",
  name: "db",
  ports: [
    {
      name: "sql",
      port: 5432,
      protocol: "tcp",
      targets: [
        { address: "10.244.1.2", port: 5432 },
        { address: "10.244.1.3", port: 5432 },
      ],
    },
  ],
  members: [
    { address: "10.244.1.2", hostname: "db-0" },
    { address: "10.244.1.3", hostname: "db-1" },
  ],
};

function ask(name: string, type: Question["type"]): { code: number; data: unknown[] } {
  const query = { type: "query" as const, id: 7, questions: [{ type, name }] };
  const found = [web, database];
  const answer = decode(
    encode(
      answerQuery(query, (namespace, service) =>
        found.find((entry) => entry.namespace === namespace && entry.name === service),
      ),
    ),
  );
  assert.equal(answer.id, 7);
  return {
    code: (answer.flags ?? 0) & 15,
    data: (answer.answers ?? []).map((record) => ("data" in record ? record.data : undefined)),
  };
}

test("a service answers with its address, whatever the case of the name", () => {
  assert.deepEqual(ask("Web.shop.svc.cluster.local", "A"), { code: 0, data: ["10.96.0.20"] });
});

test("a headless service answers with its ready pods, and each pod has a name", () => {
  assert.deepEqual(ask("db.shop.svc.cluster.local", "A").data, ["10.244.1.2", "10.244.1.3"]);
  assert.deepEqual(ask("db-1.db.shop.svc.cluster.local", "A").data, ["10.244.1.3"]);
});

test("named ports have SRV records", () => {
  assert.deepEqual(ask("_http._tcp.web.shop.svc.cluster.local", "SRV").data, [
    { priority: 0, weight: 100, port: 80, target: "web.shop.svc.cluster.local" },
  ]);
  assert.equal(ask("_sql._tcp.db.shop.svc.cluster.local", "SRV").data.length, 2);
});

test("the machine has a name", () => {
  assert.deepEqual(ask("host.heddle.internal", "A").data, ["10.244.0.2"]);
});

test("the control plane has its name with and without the domain", () => {
  assert.deepEqual(ask("heddle.heddle-system.svc", "A").data, ["10.244.0.1"]);
  assert.deepEqual(ask("heddle.heddle-system.svc.cluster.local", "A").data, ["10.244.0.1"]);
});

test("an existing name without IPv6 addresses is an empty answer, a name that does not exist an error", () => {
  assert.deepEqual(ask("web.shop.svc.cluster.local", "AAAA"), { code: 0, data: [] });
  assert.equal(ask("nope.shop.svc.cluster.local", "A").code, 3);
  assert.equal(ask("web", "A").code, 3);
  assert.equal(ask("db-7.db.shop.svc.cluster.local", "A").code, 3);
  assert.equal(ask("example.com", "A").code, 3);
});

test("names of the cluster and short ones are the mesh's own, all others are the world's", () => {
  for (const name of [
    "web.shop.svc.cluster.local",
    "Cluster.Local",
    "heddle.heddle-system.svc",
    "web",
    "host.heddle.internal",
  ]) {
    assert.ok(isOwnName(name), name);
  }
  for (const name of ["api.example.com", "web.shop", "notcluster.local"]) assert.ok(!isOwnName(name), name);
});

test("a Service that is another name of a host is a CNAME, with what is known of the host", () => {
  const alias: ServiceEndpoints = {
    namespace: "shop",
    name: "api",
    externalName: "api.example.com.",
    ports: [],
    members: [],
  };
  const find = (namespace: string, name: string) =>
    namespace === "shop" && name === "api" ? alias : undefined;
  const host = aliasOf("API.shop.svc.cluster.local", find);
  assert.equal(host, "api.example.com");
  assert.equal(aliasOf("api.shop", find), undefined);
  assert.equal(aliasOf("other.shop.svc.cluster.local", find), undefined);
  const query = {
    type: "query" as const,
    id: 7,
    questions: [{ type: "A" as const, name: "api.shop.svc.cluster.local" }],
  };
  const found = { answers: [{ type: "A" as const, name: host, ttl: 1, data: "192.0.2.1" }] };
  const { answers, questions } = decode(encode(answerAlias(query, host, found)));
  assert.equal(questions?.[0]?.name, "api.shop.svc.cluster.local");
  assert.deepEqual(
    answers?.map((record) => [record.type, record.name, "data" in record ? record.data : undefined]),
    [
      ["CNAME", "api.shop.svc.cluster.local", "api.example.com"],
      ["A", "api.example.com", "192.0.2.1"],
    ],
  );
});
