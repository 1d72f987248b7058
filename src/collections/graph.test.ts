import assert from "node:assert/strict";
import test from "node:test";
import type { Fault } from "./fault.ts";
import { type Change, Graph } from "./graph.ts";

interface Service {
  readonly name: string;
  readonly port: number;
}
interface Pod {
  readonly node: string;
  readonly ip: string;
}

test("a derived collection follows its source: added, changed, removed", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  services.set("a", { name: "a", port: 80 });
  const ports = graph.derive("ports", services, (service) => service.port);
  graph.settle();
  assert.equal(ports.get("a"), 80);
  services.apply([
    ["a", { name: "a", port: 81 }],
    ["b", { name: "b", port: 90 }],
  ]);
  graph.settle();
  assert.deepEqual(
    [...ports.entries()],
    [
      ["a", 81],
      ["b", 90],
    ],
  );
  services.set("a", undefined);
  graph.settle();
  assert.deepEqual([...ports.keys()], ["b"]);
});

test("an input for which the stage returns nothing has no output", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const web = graph.derive("web", services, (service) => (service.port === 80 ? service.name : undefined));
  services.set("a", { name: "a", port: 80 });
  graph.settle();
  assert.equal(web.size, 1);
  services.set("a", { name: "a", port: 81 });
  graph.settle();
  assert.equal(web.size, 0);
});

test("an equal output stops the propagation and keeps the identity of the value", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const views = graph.derive("views", services, (service) => ({ port: service.port }));
  let runs = 0;
  graph.derive("texts", views, (view) => {
    runs++;
    return String(view.port);
  });
  services.set("a", { name: "a", port: 80 });
  graph.settle();
  const before = views.get("a");
  services.set("a", { name: "renamed", port: 80 });
  graph.settle();
  assert.equal(runs, 1);
  assert.equal(views.get("a"), before);
});

test("a change of one item runs only what read it, whatever the number of readers of others", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const pods = graph.source<Pod>("pods");
  const ofNode = pods.index("node", (pod) => [pod.node]);
  let runs = 0;
  const nodes = graph.derive("nodes", services, (service, fetch) => {
    runs++;
    return fetch.by(ofNode, service.name).map((pod) => pod.ip);
  });
  for (let i = 0; i < 100; i++) services.set(`s${i}`, { name: `s${i}`, port: i });
  pods.set("p1", { node: "s7", ip: "1" });
  graph.settle();
  assert.equal(runs, 100);
  pods.set("p0", { node: "s7", ip: "0" });
  graph.settle();
  assert.equal(runs, 101);
  assert.deepEqual(nodes.get("s7"), ["0", "1"]);
  pods.set("p0", { node: "s8", ip: "0" });
  graph.settle();
  assert.equal(runs, 103);
});

test("a stage with two ways to the same source sees one moment, and runs once a batch", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const names = graph.derive("names", services, (service) => service.name);
  const ports = graph.derive("ports", services, (service) => service.port);
  const seen: string[] = [];
  graph.derive("both", names, (name, fetch, key) => {
    seen.push(`${name}:${fetch.get(ports, key)}`);
    return seen.at(-1);
  });
  services.set("a", { name: "x", port: 1 });
  graph.settle();
  services.set("a", { name: "y", port: 2 });
  graph.settle();
  assert.deepEqual(seen, ["x:1", "y:2"]);
});

test("of two inputs that make one key the first wins, and the other takes over when it goes", () => {
  const graph = new Graph();
  const owners = graph.source<readonly string[]>("owners");
  const hosts = graph.deriveMany("hosts", owners, (names, _fetch, key) =>
    names.map((n) => [n, key] as const),
  );
  owners.set("b", ["web", "db"]);
  owners.set("c", ["web"]);
  graph.settle();
  assert.equal(hosts.get("web"), "b");
  owners.set("a", ["web"]);
  graph.settle();
  assert.equal(hosts.get("web"), "a");
  owners.set("a", []);
  owners.set("b", ["db"]);
  graph.settle();
  assert.equal(hosts.get("web"), "c");
  assert.equal(hosts.get("db"), "b");
  owners.set("c", undefined);
  graph.settle();
  assert.equal(hosts.get("web"), undefined);
});

test("a single is made of what it fetches, in order of keys", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const all = graph.single("all", (fetch) => fetch.all(services).map((service) => service.name));
  services.set("b", { name: "b", port: 1 });
  services.set("a", { name: "a", port: 1 });
  graph.settle();
  assert.deepEqual(all.value, ["a", "b"]);
});

test("a demand computes only what is retained, and forgets it after the last release", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  let runs = 0;
  const bytes = graph.demand("bytes", (key, fetch) => {
    runs++;
    return fetch.get(services, key)?.port;
  });
  services.set("a", { name: "a", port: 1 });
  services.set("b", { name: "b", port: 2 });
  graph.settle();
  assert.equal(runs, 0);
  bytes.retain("a");
  bytes.retain("a");
  graph.settle();
  assert.equal(bytes.get("a"), 1);
  assert.deepEqual([...bytes.demanded.keys()], ["a"]);
  bytes.release("a");
  graph.settle();
  services.set("a", { name: "a", port: 3 });
  graph.settle();
  assert.equal(bytes.get("a"), 3);
  bytes.release("a");
  graph.settle();
  assert.equal(bytes.size + bytes.demanded.size, 0);
  services.set("a", { name: "a", port: 4 });
  graph.settle();
  assert.equal(runs, 2);
  assert.throws(() => bytes.release("a"), /released more often than retained/);
});

test("a key retained and released within one batch leaves nothing behind", () => {
  const graph = new Graph();
  const bytes = graph.demand("bytes", (key) => key);
  bytes.retain("a");
  bytes.release("a");
  graph.settle();
  assert.equal(bytes.size + bytes.demanded.size, 0);
});

test("a later stage that fetches from a demand retains the key for as long as it reads it", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const views = graph.demand("views", (key, fetch) => fetch.get(services, key)?.port);
  const wanted = graph.derive("wanted", views.demanded, (key) => `wanted ${key}`);
  const bytes = graph.demand("bytes", (key, fetch) => `<${fetch.get(views, key)}>`);
  services.set("a", { name: "a", port: 1 });
  bytes.retain("a");
  graph.settle();
  assert.equal(bytes.get("a"), "<1>");
  assert.equal(wanted.get("a"), "wanted a");
  services.set("a", { name: "a", port: 2 });
  graph.settle();
  assert.equal(bytes.get("a"), "<2>");
  bytes.release("a");
  graph.settle();
  assert.equal(views.size + views.demanded.size + wanted.size, 0);
});

test("a stage that throws keeps the last good output for that key until it succeeds", () => {
  const faults: Fault[] = [];
  const graph = new Graph({ onFault: (fault) => faults.push(fault) });
  const services = graph.source<Service>("services");
  const ports = graph.derive("ports", services, (service) => {
    if (service.port === 13) throw new Error("unlucky");
    return service.port;
  });
  services.set("a", { name: "a", port: 1 });
  services.set("b", { name: "b", port: 13 });
  graph.settle();
  services.set("a", { name: "a", port: 13 });
  graph.settle();
  assert.equal(ports.get("a"), 1);
  assert.equal(ports.get("b"), undefined);
  assert.deepEqual([...graph.faults.keys()].sort(), ["ports/a", "ports/b"]);
  assert.equal(graph.dump("ports")[0]?.faults["a"], "Error: unlucky");
  services.set("a", { name: "a", port: 2 });
  services.set("b", undefined);
  graph.settle();
  assert.equal(ports.get("a"), 2);
  assert.equal(graph.faults.size, 0);
  assert.equal(faults.length, 2);
});

test("a stage cannot fetch what was made after it, nor write", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  graph.derive("early", services, (_service, fetch) => fetch.all(late).length);
  const late = graph.derive("late", services, (service) => service.port);
  graph.derive("writes", services, (service) => services.set("x", service));
  services.set("a", { name: "a", port: 1 });
  graph.settle();
  assert.match(String(graph.faults.get("early/a")?.error), /early fetches late, which was made after it/);
  assert.match(String(graph.faults.get("writes/a")?.error), /stages are pure/);
});

test("listeners hear the net change of a batch, after everything has settled", () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const ports = graph.derive("ports", services, (service) => service.port);
  const heard: (readonly Change<Service>[])[] = [];
  const stop = services.onChange((changes) => {
    heard.push(changes);
    assert.equal(ports.get("a"), services.get("a")?.port);
  });
  const one = { name: "a", port: 1 };
  const two = { name: "a", port: 2 };
  services.set("a", one);
  services.set("b", one);
  services.set("b", undefined);
  graph.settle();
  services.set("a", two);
  graph.settle();
  stop();
  services.set("a", one);
  graph.settle();
  assert.deepEqual(heard, [
    [{ key: "a", before: undefined, after: one }],
    [{ key: "a", before: one, after: two }],
  ]);
});

test("changes of one turn are one batch, settled at its end; what listeners write is the next", async () => {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const echo = graph.source<number>("echo");
  const doubled = graph.derive("doubled", echo, (port) => port * 2);
  let batches = 0;
  graph.onSettled(() => batches++);
  services.onChange((changes) => echo.apply(changes.map((change) => [change.key, change.after?.port])));
  services.set("a", { name: "a", port: 1 });
  services.set("b", { name: "b", port: 2 });
  assert.equal(batches, 0);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(doubled.get("b"), 4);
  assert.equal(batches, 2);
});

test("a dump tells what each key read", () => {
  const graph = new Graph();
  const pods = graph.source<Pod>("pods");
  const ofNode = pods.index("node", (pod) => [pod.node]);
  const services = graph.source<Service>("services");
  graph.derive("out", services, (_service, fetch, key) => [
    fetch.get(pods, "p"),
    fetch.by(ofNode, key),
    fetch.all(services),
  ]);
  services.set("a", { name: "a", port: 1 });
  graph.settle();
  const [out] = graph.dump("out");
  assert.deepEqual(out?.reads, { a: ["pods#node=a", "pods=p", "services*"] });
  assert.deepEqual(out?.keys, ["a"]);
  assert.equal(out?.from, "services");
  assert.throws(() => graph.source("out"), /there is a collection out already/);
});

test("a union has the items of all, and under a key that several have, that of the first", () => {
  const graph = new Graph();
  const pods = graph.source<string>("pods");
  const others = graph.source<string>("others");
  const all = graph.union("all", [pods, others]);
  const seen = graph.derive("seen", all, (item) => item.toUpperCase());
  pods.set("a", "pod");
  others.apply([
    ["a", "other"],
    ["b", "other"],
  ]);
  graph.settle();
  assert.deepEqual(
    [...seen.entries()].sort(([a], [b]) => a.localeCompare(b)),
    [
      ["a", "POD"],
      ["b", "OTHER"],
    ],
  );
  pods.set("a", undefined);
  others.set("b", undefined);
  graph.settle();
  assert.deepEqual([...seen.entries()], [["a", "OTHER"]]);
});
