// The one test that must exist: after any sequence of changes, the incremental result equals the result from scratch.
import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { type Collection, Graph } from "./graph.ts";

interface Service {
  readonly port: number;
  readonly hosts: readonly string[];
}
interface Endpoint {
  readonly service: string;
  readonly ip: number;
}

type Step =
  | { readonly kind: "service"; readonly key: string; readonly value: Service | undefined }
  | { readonly kind: "endpoint"; readonly key: string; readonly value: Endpoint | undefined }
  | { readonly kind: "retain" | "release"; readonly key: string }
  | { readonly kind: "settle" };

const key = fc.constantFrom("a", "b", "c", "d");
const host = fc.constantFrom("h1", "h2", "h3");
const service = fc.record({ port: fc.nat(3), hosts: fc.array(host, { maxLength: 3 }) });
const endpoint = fc.record({ service: fc.oneof(key, fc.constant("broken")), ip: fc.nat(3) });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("service" as const), key, value: fc.option(service, { nil: undefined }) }),
  fc.record({ kind: fc.constant("endpoint" as const), key, value: fc.option(endpoint, { nil: undefined }) }),
  fc.record({ kind: fc.constantFrom("retain" as const, "release" as const), key: host }),
  fc.constant({ kind: "settle" as const }),
);

/** A graph with every kind of stage, every kind of read, and stages and indexes that throw. */
function build() {
  const graph = new Graph();
  const services = graph.source<Service>("services");
  const endpoints = graph.source<Endpoint>("endpoints");
  const ofService = endpoints.index("service", (item) => {
    if (item.service === "broken") throw new Error("no such service");
    return [item.service];
  });
  const ports = graph.derive("ports", services, (item) => (item.port === 0 ? undefined : item.port % 2));
  const views = graph.derive("views", services, (_item, fetch, name) => ({
    port: fetch.get(ports, name),
    ips: fetch.by(ofService, name).map((each) => each.ip),
  }));
  const owners = graph.deriveMany("owners", services, (item, fetch, name) =>
    item.hosts.map((each) => [each, { owner: name, ips: fetch.get(views, name)?.ips }] as const),
  );
  const ofPort = views.index("port", (view) => (view.port === undefined ? [] : [String(view.port)]));
  const risky = graph.derive("risky", views, (view) => {
    if (view.ips.length > 1) throw new Error("too many");
    return view.ips.length;
  });
  const total = graph.single("total", (fetch) => ({
    all: fetch.all(views).map((view) => view.ips.length),
    odd: fetch.by(ofPort, "1").length,
  }));
  const lazyViews = graph.demand("lazyViews", (name, fetch) => {
    const view = fetch.get(views, name);
    return view === undefined ? undefined : JSON.stringify(view);
  });
  const lazyAll = graph.single("lazyAll", (fetch) => fetch.all(lazyViews).length);
  const wanted = graph.derive("wanted", lazyViews.demanded, (name) => `wanted ${name}`);
  const lazyHosts = graph.demand("lazyHosts", (name, fetch) => {
    const owner = fetch.get(owners, name);
    return owner === undefined
      ? undefined
      : { view: fetch.get(lazyViews, owner.owner), odd: fetch.by(ofPort, "1").length };
  });
  const compared = { ports, views, owners, total, lazyViews, lazyAll, wanted, lazyHosts };
  const demanded = { demandedViews: lazyViews.demanded, demandedHosts: lazyHosts.demanded };
  return { graph, services, endpoints, risky, lazyHosts, compared: { ...compared, ...demanded } };
}

type Built = ReturnType<typeof build>;

function content(collection: Collection<unknown>): Record<string, unknown> {
  return Object.fromEntries([...collection.entries()].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function contents(built: Built): Record<string, unknown> {
  return Object.fromEntries(Object.entries(built.compared).map(([name, each]) => [name, content(each)]));
}

function fromScratch(of: Built, retained: ReadonlyMap<string, number>): Built {
  const made = build();
  for (const name of retained.keys()) made.lazyHosts.retain(name);
  made.services.apply(of.services.entries());
  made.endpoints.apply(of.endpoints.entries());
  made.graph.settle();
  return made;
}

/** The value of the throwing stage: what it gives now, or the last good one while it throws. */
function lastGood(before: Record<string, unknown>, scratch: Built): Record<string, unknown> {
  const now = content(scratch.risky);
  const thrown = [...scratch.compared.views.keys()].filter((name) =>
    scratch.graph.faults.has(`risky/${name}`),
  );
  const kept = thrown.filter((name) => name in before).map((name) => [name, before[name]]);
  return { ...now, ...Object.fromEntries(kept) };
}

function apply(built: Built, retained: Map<string, number>, each: Step): void {
  if (each.kind === "service") built.services.set(each.key, each.value);
  else if (each.kind === "endpoint") built.endpoints.set(each.key, each.value);
  else if (each.kind === "retain") {
    built.lazyHosts.retain(each.key);
    retained.set(each.key, (retained.get(each.key) ?? 0) + 1);
  } else if (each.kind === "release") {
    const count = retained.get(each.key);
    if (count === undefined) return;
    built.lazyHosts.release(each.key);
    if (count === 1) retained.delete(each.key);
    else retained.set(each.key, count - 1);
  }
}

test("after any sequence of changes the incremental result equals the result from scratch", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const built = build();
      const retained = new Map<string, number>();
      let risky: Record<string, unknown> = {};
      for (const each of [...steps, { kind: "settle" as const }]) {
        if (each.kind !== "settle") {
          apply(built, retained, each);
          continue;
        }
        built.graph.settle();
        const scratch = fromScratch(built, retained);
        risky = lastGood(risky, scratch);
        assert.deepEqual(contents(built), contents(scratch));
        assert.deepEqual(content(built.risky), risky);
        assert.deepEqual([...built.graph.faults.keys()].sort(), [...scratch.graph.faults.keys()].sort());
      }
    }),
    { numRuns: 500 },
  );
});
