import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import type { RejectedResource } from "#model/status.ts";
import type { RejectionStatus } from "#xds/status.ts";
import type { Gathered } from "./gathered.ts";
import { collectRejections } from "./rejections.ts";

const rejection: RejectionStatus = {
  typeUrl: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  name: "80",
  message: "no such regex",
  origins: [{ kind: "HTTPRoute", namespace: "default", name: "web" }],
};

test("who waits for the first answer finds in it what proxies refuse, also where a replica is silent", async () => {
  const rejections = new Graph().source<RejectedResource>("rejections");
  const { promise: answer, resolve } = Promise.withResolvers<Gathered<RejectionStatus>>();
  const ending = new AbortController();
  const { promise: firstAnswer, resolve: onFirstAnswer } = Promise.withResolvers<readonly string[]>();
  const seen = () => onFirstAnswer([...rejections.entries()].map(([, { message }]) => message));
  const collected = collectRejections(rejections, () => answer, seen, ending.signal);
  assert.deepEqual([...rejections.keys()], []);
  resolve({ items: [rejection], unanswered: ["10.0.0.2"] });
  assert.deepEqual(await firstAnswer, ["no such regex"]);
  ending.abort();
  await collected;
});
