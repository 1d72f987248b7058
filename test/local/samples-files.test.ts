// What `heddle validate` says of Istio's samples: nothing, for there is nothing wrong with them.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { validateFiles } from "#cli/commands/validate.ts";
import { formatProblem } from "#sources/directory/collect-problems.ts";
import { ingressGateway } from "#test/samples/ingress.ts";
import { SAMPLE_IMAGES, samplePath } from "#test/samples/istio.ts";

const own = mkdtempSync(join(tmpdir(), "heddle-test-ingress-"));
after(() => rmSync(own, { recursive: true }));
/** The gateway that Istio's documentation presupposes. */
const ingress = join(own, "ingress.yaml");
writeFileSync(ingress, ingressGateway.map((each) => JSON.stringify(each)).join("\n---\n"));

/** The problems of files that are applied together, and how many objects they have. */
async function validated(...files: readonly string[]): Promise<readonly string[]> {
  const { problems, objectCount } = await validateFiles([...files.map(samplePath), SAMPLE_IMAGES, ingress]);
  assert.ok(objectCount > 0);
  return problems.map((problem) => formatProblem(problem).replaceAll(samplePath(""), ""));
}

const bookinfo = "bookinfo/platform/kube/bookinfo.yaml";
const filesIn = (directory: string) =>
  readdirSync(samplePath(directory))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => `${directory}/${name}`);

/** What a file needs besides, where it is more than the sample itself. */
const needs: Readonly<Record<string, readonly string[]>> = {
  "virtual-service-ratings-db": ["bookinfo/platform/kube/bookinfo-ratings-v2.yaml"],
  "virtual-service-ratings-mysql": ["bookinfo/platform/kube/bookinfo-ratings-v2-mysql.yaml"],
  "virtual-service-ratings-mysql-vm": ["bookinfo/platform/kube/bookinfo-ratings-v2-mysql-vm.yaml"],
  "virtual-service-details-v2": ["bookinfo/platform/kube/bookinfo-details-v2.yaml"],
};
/** They name services that no sample has. */
const incomplete = new Set(["certmanager-gateway"]);

suite("Bookinfo with each of its files for Istio", () => {
  for (const file of filesIn("bookinfo/networking")) {
    const name = file.replace(/^.*\/|\.yaml$/gu, "");
    if (incomplete.has(name)) continue;
    const subsets = name.startsWith("virtual-service-")
      ? ["bookinfo/networking/destination-rule-all.yaml"]
      : [];
    test(name, async () => {
      assert.deepEqual(await validated(bookinfo, ...subsets, ...(needs[name] ?? []), file), []);
    });
  }
});

suite("Bookinfo with each of its files for the Gateway API", () => {
  for (const file of filesIn("bookinfo/gateway-api"))
    test(file, async () => {
      assert.deepEqual(await validated(bookinfo, "bookinfo/platform/kube/bookinfo-versions.yaml", file), []);
    });
});

suite("other samples", () => {
  const together: readonly (readonly string[])[] = [
    ["helloworld/helloworld.yaml", "helloworld/helloworld-gateway.yaml"],
    ["helloworld/helloworld.yaml", "helloworld/gateway-api/helloworld-gateway.yaml"],
    ["httpbin/httpbin.yaml", "httpbin/httpbin-gateway.yaml", "httpbin/sample-client/fortio-deploy.yaml"],
    ["httpbin/httpbin.yaml", "httpbin/gateway-api/httpbin-gateway.yaml"],
    ["tcp-echo/tcp-echo-services.yaml", "tcp-echo/tcp-echo-all-v1.yaml"],
    ["tcp-echo/tcp-echo-services.yaml", "tcp-echo/gateway-api/tcp-echo-all-v1.yaml"],
    ["curl/curl.yaml"],
  ];
  for (const files of together)
    test(files.join(", "), async () => assert.deepEqual(await validated(...files), []));
});
