import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { commandLine, findStandIn, type ImageStandIn } from "./image-stand-in.ts";

function standIn(image: string): ImageStandIn {
  return { image, workingDir: "/" };
}

suite("a stand-in fits", () => {
  const cases: readonly (readonly [pattern: string, image: string, fits: boolean])[] = [
    ["registry.example/shop/web", "registry.example/shop/web", true],
    ["registry.example/shop/web", "registry.example/shop/web:1.20.3", true],
    ["registry.example/shop/web", "registry.example/shop/web:1@sha256:ab", true],
    ["registry.example/shop/web", "registry.example/shop/web2:1", false],
    ["registry.example/shop/web:1", "registry.example/shop/web:1", true],
    ["registry.example/shop/web:1", "registry.example/shop/web:2", false],
    ["registry.example:5000/web", "registry.example:5000/web:1", true],
    ["registry.example/shop/*", "registry.example/shop/a/web:1", true],
    ["*/web", "registry.example/shop/web:1", true],
    ["*", "anything:1", true],
    ["nginx", "docker.io/library/nginx:1.29", true],
    ["docker.io/curlimages/curl", "curlimages/curl:8.16.0", true],
    ["nginx", "registry.example/nginx", false],
    ["registry.example/a.b", "registry.example/aXb", false],
  ];
  for (const [pattern, image, fits] of cases)
    test(`${pattern}: ${image} ${fits ? "yes" : "no"}`, () => {
      assert.equal(findStandIn(image, [standIn(pattern)]) !== undefined, fits);
    });

  test("the most specific one goes first, whatever the order", () => {
    const all = ["*", "shop/*", "shop/web", "shop/web:2", "shop/web*"].map(standIn);
    for (const standIns of [all, all.toReversed()]) {
      assert.equal(findStandIn("shop/web:2", standIns)?.image, "shop/web:2");
      assert.equal(findStandIn("shop/web:1", standIns)?.image, "shop/web");
      assert.equal(findStandIn("shop/webs:1", standIns)?.image, "shop/web*");
      assert.equal(findStandIn("shop/api:1", standIns)?.image, "shop/*");
      assert.equal(findStandIn("other", standIns)?.image, "*");
    }
  });
});

suite("a container runs", () => {
  const image: ImageStandIn = { ...standIn("web"), entrypoint: ["serve"], cmd: ["--port", "80"] };
  const line = (container: object, of: ImageStandIn | undefined = image) =>
    commandLine({ name: "web", ...container }, of, (word) => word.replace("$(A)", "1"));

  test("what the image does", () => assert.deepEqual(line({}), ["serve", "--port", "80"]));
  test("its args instead of the cmd", () =>
    assert.deepEqual(line({ args: ["--port", "$(A)"] }), ["serve", "--port", "1"]));
  test("its command instead of entrypoint and cmd", () =>
    assert.deepEqual(line({ command: ["sh"] }), ["sh"]));
  test("its command and args", () => assert.deepEqual(line({ command: ["sh"], args: ["-c"] }), ["sh", "-c"]));
  test("empty lists are as none", () =>
    assert.deepEqual(line({ command: [], args: [] }), ["serve", "--port", "80"]));
  test("no variables are replaced in what the image says", () =>
    assert.deepEqual(line({}, { ...image, cmd: ["$(A)"] }), ["serve", "$(A)"]));
  test("args alone are nothing without a stand-in", () =>
    assert.equal(commandLine({ name: "web", args: ["x"] }, undefined), undefined));
});
