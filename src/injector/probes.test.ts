import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import type { Pod } from "#model/kubernetes/pod.ts";
import { injectSidecar } from "./inject.ts";
import { probePaths } from "./probes.ts";
import { defaultInjectionSettings } from "./settings.ts";

const file = join(import.meta.dirname, "testdata/every-kind-of-probe-is-rewritten.in.yaml");
const pod = parse(readFileSync(file, "utf8")) as Pod;

test("an injected pod says all that its proxy must answer", () => {
  const result = injectSidecar(pod, defaultInjectionSettings);
  assert.ok(result.kind === "injected");
  assert.deepEqual(probePaths(result.pod), [
    { path: "/grpc/50051/", kind: "grpc", port: 50051, service: "" },
    { path: "/grpc/50051/shop.Cart", kind: "grpc", port: 50051, service: "shop.Cart" },
    { path: "/http/8080/", kind: "http", port: 8080, prefixRewrite: "/" },
    { path: "/http/8080/ready", kind: "http", port: 8080, prefixRewrite: "/ready" },
    { path: "/http/8080/warm", kind: "http", port: 8080, prefixRewrite: "/warm" },
    { path: "/https/9901/health", kind: "https", port: 9901, prefixRewrite: "/health" },
    { path: "/tcp/6379", kind: "tcp", port: 6379 },
  ]);
});

test("a pod without rewritten probes asks nothing", () => {
  assert.deepEqual(probePaths(pod), []);
});
