import assert from "node:assert/strict";
import { test } from "node:test";
import type { AdmissionEvent } from "#injector/admission.ts";
import { openEventWriter } from "./events.ts";

interface Written {
  readonly path: string;
  readonly body: { readonly note: string; readonly metadata: { readonly namespace: string } };
}

function writer() {
  const written: Written[] = [];
  const state = { now: Date.parse("2026-05-01T12:00:00Z") };
  const request = (_method: string, path: string, { body }: { body: Written["body"] }) => {
    written.push({ path, body });
    return Promise.resolve({});
  };
  const events = openEventWriter({
    client: { request: request as unknown as <T>() => Promise<T> },
    instance: "heddle-1",
    onFailure: (error) => assert.fail(String(error)),
    now: () => state.now,
  });
  return { written, state, events };
}

const event = (name: string, message = "no sidecar"): AdmissionEvent => ({
  regarding: { kind: "ReplicaSet", namespace: "shop", name },
  type: "Warning",
  reason: "NotInjected",
  message,
});

test("an event is told in the namespace of what it is about, once in ten minutes", () => {
  const { written, state, events } = writer();
  events.report(event("web"));
  events.report(event("web"));
  events.report(event("web", "for another reason"));
  assert.deepEqual(
    written.map(({ path, body }) => [path, body.note]),
    [
      ["/apis/events.k8s.io/v1/namespaces/shop/events", "no sidecar"],
      ["/apis/events.k8s.io/v1/namespaces/shop/events", "for another reason"],
    ],
  );
  state.now += 11 * 60_000;
  events.report(event("web"));
  assert.equal(written.length, 3);
});

test("a namespace that is none leads to no other part of the API", () => {
  const { written, events } = writer();
  const { regarding, ...rest } = event("web");
  events.report({ ...rest, regarding: { ...regarding, namespace: "../../secrets?x=" } });
  assert.equal(written[0]?.path, "/apis/events.k8s.io/v1/namespaces/..%2F..%2Fsecrets%3Fx%3D/events");
});

test("a flood of refusals makes few events, and long notes are cut", () => {
  const { written, state, events } = writer();
  for (let i = 0; i < 1_000; i++) events.report(event(`web-${i}`, "x".repeat(5_000)));
  assert.equal(written.length, 60);
  assert.equal(written[0]?.body.note.length, 1_024);
  state.now += 10_000;
  for (let i = 0; i < 1_000; i++) events.report(event(`later-${i}`));
  assert.equal(written.length, 70);
});
