import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Pod } from "#model/kubernetes/pod.ts";
import { assertGolden, assertNoOrphans, goldenCases } from "#test/helpers/golden.ts";
import { bootstrap, maxHeapBytes, tokenSds } from "./bootstrap.ts";
import { decideInjection } from "./decision.ts";
import { injectSidecar, isInjected } from "./inject.ts";
import { injectYaml } from "./inject-yaml.ts";
import { type InjectionSettings, defaultInjectionSettings as settings } from "./settings.ts";

const testdata = join(import.meta.dirname, "testdata");
const cases = goldenCases(testdata);

for (const golden of cases) {
  test(`injects: ${golden.name.replaceAll("-", " ")}`, () => {
    const { output, problems, notes } = injectYaml([{ name: "in.yaml", text: golden.text }], settings);
    assertGolden(golden.output(".out.yaml"), abbreviated(output));
    const messages = [...notes, ...problems.map((problem) => JSON.stringify(problem))];
    assertGolden(golden.output(".messages.txt"), messages.map((message) => `${message}\n`).join(""));
    assert.equal(
      injectYaml([{ name: "out.yaml", text: output }], settings).output,
      output,
      "injecting twice",
    );
  });
}

test("every golden file of the injector has its input", () => {
  for (const suffix of [".out.yaml", ".messages.txt"]) {
    assertNoOrphans(
      testdata,
      suffix,
      cases.map(({ name }) => name),
    );
  }
});

test("the bootstrap", () => {
  const files = {
    "bootstrap.json": bootstrap(settings, maxHeapBytes("256Mi")),
    "token-sds.json": JSON.parse(tokenSds()) as object,
  };
  for (const [name, value] of Object.entries(files)) {
    assertGolden(join(testdata, name), `${JSON.stringify(value, undefined, 2)}\n`);
  }
});

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop" },
  spec: { containers: [{ name: "web", image: "web:1" }] },
};

test("an injected pod is recognised, comes back as it is, and the original is not touched", () => {
  const original = structuredClone(pod);
  const first = injectSidecar(pod, settings);
  assert.ok(first.kind === "injected" && isInjected(first.pod));
  assert.deepEqual(pod, original);
  assert.ok(!isInjected(pod));
  const again = injectSidecar(first.pod, settings);
  assert.ok(again.kind === "injected");
  assert.deepEqual(again.pod, first.pod);
});

test("what runs is what the settings say", () => {
  const mine: InjectionSettings = {
    ...settings,
    proxyImage: "envoy:mine",
    xdsAddress: { host: "control.example", port: 1234 },
    statsFlushSeconds: 7,
    concurrency: 3,
  };
  const result = injectSidecar(pod, mine);
  assert.ok(result.kind === "injected");
  const [proxy] = result.pod.spec.initContainers ?? [];
  assert.equal(proxy?.image, "envoy:mine");
  assert.deepEqual(proxy.args?.slice(0, 2), ["--concurrency", "3"]);
  assert.match(proxy.args?.at(-1) ?? "", /"address":"control.example","port_value":1234/);
  assert.match(proxy.args?.at(-1) ?? "", /"stats_flush_interval":"7s"/);
});

test("a switch that says neither yes nor no says nothing", () => {
  const undecided = { ...pod, metadata: { ...pod.metadata, labels: { "heddle.dev/inject": "maybe" } } };
  assert.deepEqual(decideInjection(undecided, { labels: { "heddle.dev/inject": "enabled" } }), {
    inject: true,
  });
  assert.deepEqual(decideInjection(undecided, {}), {
    inject: false,
    reason: "namespace shop does not have the label heddle.dev/inject: enabled",
  });
});

test("Heddle's own label goes before Istio's, and a label before an annotation", () => {
  const labels = { "heddle.dev/inject": "enabled", "sidecar.istio.io/inject": "false" };
  const annotations = { "heddle.dev/inject": "disabled" };
  const both = { ...pod, metadata: { ...pod.metadata, labels, annotations } };
  assert.deepEqual(decideInjection(both, {}), { inject: true });
});

/** The bootstrap and the SDS resource have golden files of their own. */
function abbreviated(output: string): string {
  return output
    .replaceAll(/'\{"node":.*\}'/g, "<bootstrap>")
    .replaceAll(/'\{"resources":.*\}'/g, "<token-sds>");
}
