// Whatever users write, Envoy takes what comes of it: it refuses a virtual host or a listener as a whole, and with it all
// that others have written.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as yaml from "js-yaml";
import type { KubernetesObject } from "#model/object.ts";
import { readObject } from "#sources/schema/read-object.ts";
import { goldenCases } from "#test/helpers/golden.ts";
import { mutationsOf } from "#test/helpers/hostile.ts";
import { meshGraph } from "#test/helpers/mesh-graph.ts";
import { type Served, serving } from "#test/helpers/served.ts";
import { startTaker, type Taker } from "./live-resources.ts";

const testdata = fileURLToPath(new URL("../../src/compile/testdata", import.meta.url));

/** Paths of files in the proxy's container, which only Envoy can look for. */
const files = /\.(?:caCertificates|caCrl|clientCertificate|privateKey|serverCertificate)/;
const fileHere = "/etc/certs/";

/** A resource, and the first field with a value that led to it. */
interface Made extends Served {
  readonly cause: string;
}

const tried = new Set<string>();
const made = new Map<string, Made>();

function keep(resources: Iterable<Served>, cause: string): void {
  for (const resource of resources) {
    const key = `${resource.typeUrl} ${resource.version}`;
    if (!made.has(key) && !Buffer.from(resource.message).includes(fileHere))
      made.set(key, { ...resource, cause });
  }
}

/** Every hostile value in every field of the objects that become views elsewhere, as far as it is admitted. */
function makeAll(): void {
  for (const { name, text } of goldenCases(testdata)) {
    const mesh = meshGraph();
    mesh.put(text);
    const served = serving(mesh);
    keep(served(), name);
    for (const object of yaml.loadAll(text) as KubernetesObject[]) {
      for (const { field, value, apply } of mutationsOf(object)) {
        const cause = `${field} ${value}`;
        if (files.test(field) || tried.has(cause)) continue;
        tried.add(cause);
        const { object: admitted } = readObject(structuredClone(apply(object)));
        if (admitted === undefined) continue;
        try {
          mesh.put(JSON.stringify(admitted.value));
          keep(served(), cause);
        } catch (error) {
          throw new Error(`${cause}, in ${name}`, { cause: error });
        }
        mesh.put(JSON.stringify(object));
      }
    }
  }
}

/** The first of some resources that Envoy refuses. */
async function firstRefused(resources: readonly Made[], envoy: Taker): Promise<string | undefined> {
  const said = await envoy.refusal(resources);
  if (said === undefined) return undefined;
  const [only] = resources;
  if (only !== undefined && resources.length === 1) return `${only.cause}: ${only.name}: ${said}`;
  const half = Math.ceil(resources.length / 2);
  return (
    (await firstRefused(resources.slice(0, half), envoy)) ??
    (await firstRefused(resources.slice(half), envoy))
  );
}

test("whatever users write, Envoy takes what comes of it", async () => {
  makeAll();
  const all = [...made.values()];
  assert.ok(all.length > 1_000, "hostile values lead to resources of their own");
  await using envoy = await startTaker();
  for (let at = 0; at < all.length; at += 500)
    assert.equal(await firstRefused(all.slice(at, at + 500), envoy), undefined);
});
