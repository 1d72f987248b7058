import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Graph } from "#collections/graph.ts";
import type { IssuedCertificate } from "./authority.ts";
import { PrivateText } from "./private-text.ts";
import type { Clock } from "./renewal.ts";
import { certificateKey, keepWorkloadCertificates, parseCertificateKey } from "./workload-certificates.ts";

const hour = 60 * 60 * 1000;
const cart = certificateKey({ namespace: "shop", serviceAccount: "cart", workload: "cart" });
const web = certificateKey({ namespace: "shop", serviceAccount: "web", workload: "web" });

test("a certificate is issued when somebody wants it and dropped when nobody does", async () => {
  const mesh = rig();
  mesh.wanted.retain(cart);
  mesh.wanted.retain(web);
  await mesh.run(0);
  assert.equal(mesh.certificates.get(cart)?.serial, "shop/cart/cart 1");
  assert.equal(mesh.certificates.get(web)?.serial, "shop/web/web 1");
  mesh.wanted.release(cart);
  await mesh.run(0);
  assert.equal(mesh.certificates.get(cart), undefined);
  await mesh.run(30 * hour);
  assert.equal(mesh.certificates.get(cart), undefined);
  mesh.stop();
});

test("a certificate is renewed at half of its life, up to a tenth of that earlier", async () => {
  const mesh = rig({ random: 0.5 });
  mesh.wanted.retain(cart);
  await mesh.run(11.3 * hour);
  assert.equal(mesh.certificates.get(cart)?.serial, "shop/cart/cart 1");
  await mesh.run(0.2 * hour);
  assert.equal(mesh.certificates.get(cart)?.serial, "shop/cart/cart 2");
  await mesh.run(48 * hour);
  assert.equal(mesh.certificates.get(cart)?.serial, "shop/cart/cart 6");
  mesh.stop();
});

test("what fails to be issued is tried again, less often each time, and reported", async () => {
  const mesh = rig();
  mesh.failing.add(cart);
  mesh.wanted.retain(cart);
  await mesh.run(3_600);
  assert.deepEqual(mesh.failures, [0, 500, 1500, 3500]);
  mesh.failing.delete(cart);
  await mesh.run(4_000);
  assert.equal(mesh.certificates.get(cart)?.serial, "shop/cart/cart 5");
  mesh.stop();
});

test("after a machine slept past a renewal, it happens at the next look at the calendar", async () => {
  const mesh = rig();
  mesh.wanted.retain(cart);
  await mesh.run(0);
  mesh.clock.sleep(20 * hour);
  await mesh.run(hour / 4);
  assert.equal(mesh.certificates.get(cart)?.serial, "shop/cart/cart 2");
  mesh.stop();
});

test("the key of a certificate says whose it is", () => {
  assert.deepEqual(parseCertificateKey(cart), {
    namespace: "shop",
    serviceAccount: "cart",
    workload: "cart",
  });
  assert.throws(() => parseCertificateKey("shop/cart"));
});

function rig(options: { random?: number } = {}) {
  const graph = new Graph();
  const certificates = graph.source<IssuedCertificate>("certificates");
  const wanted = graph.demand("wanted", (key, fetch) => fetch.get(certificates, key));
  const clock = manualClock();
  const failing = new Set<string>();
  const failures: number[] = [];
  const issued = new Map<string, number>();
  const stop = keepWorkloadCertificates({
    demanded: wanted.demanded,
    certificates,
    lifetimeMs: 24 * hour,
    clock,
    random: () => options.random ?? 0,
    onFailure: () => failures.push(clock.now()),
    authority: {
      async issueWorkload(identity, lifetimeMs) {
        const key = certificateKey(identity);
        const count = (issued.get(key) ?? 0) + 1;
        issued.set(key, count);
        if (failing.has(key)) throw new Error("no entropy");
        const notAfter = new Date(clock.now() + lifetimeMs);
        const keyPem = new PrivateText("");
        return {
          chainPem: "",
          keyPem,
          notBefore: new Date(clock.now()),
          notAfter,
          serial: `${key} ${count}`,
        };
      },
    },
  });
  const run = async (durationMs: number): Promise<void> => {
    graph.settle();
    await nextTurn();
    await clock.advance(durationMs);
    graph.settle();
  };
  return { wanted, certificates, failing, failures, stop, run, clock };
}

interface ManualClock extends Clock {
  advance(durationMs: number): Promise<void>;
  /** The calendar goes on while timers stand still. */
  sleep(durationMs: number): void;
}

function manualClock(): ManualClock {
  let now = 0;
  let slept = 0;
  const timers = new Set<{ at: number; callback: () => void }>();
  return {
    now: () => now + slept,
    after(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(durationMs) {
      const end = now + durationMs;
      for (;;) {
        const next = [...timers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        timers.delete(next);
        now = next.at;
        next.callback();
        await nextTurn();
      }
      now = end;
    },
    sleep(durationMs) {
      slept += durationMs;
    },
  };
}
