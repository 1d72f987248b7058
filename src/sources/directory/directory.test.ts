import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Graph } from "#collections/graph.ts";
import { type DirectorySource, openDirectory } from "./directory.ts";

let directory: string;
let source: DirectorySource;
let graph: Graph;

const file = (name: string): string => join(directory, name);

function configMap(name: string, value: string): string {
  return `---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`;
}

function open(options: { readonly cluster?: string; readonly paths?: readonly string[] } = {}): void {
  graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  source = openDirectory(graph, { paths: [directory], ...options });
  graph.settle();
}

/** The value of each ConfigMap. */
function values(): Record<string, string | undefined> {
  const entries = [...source.objects.configMaps.entries()];
  return Object.fromEntries(entries.map(([key, { data }]) => [key.replace("default/", ""), data?.["value"]]));
}

function messages(): readonly string[] {
  return [...source.problems.entries()].map(([, { message }]) => message);
}

/** Waits until `condition` holds, at most a minute; returns how long it took, in ms. */
async function until(condition: () => boolean): Promise<number> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > 60_000)
      assert.fail(`still ${JSON.stringify(values())} ${messages().join("; ")}`);
    await sleep(1);
  }
  return performance.now() - start;
}

/** Records every value that a ConfigMap takes from now on. */
function history(name: string): (string | undefined)[] {
  const seen: (string | undefined)[] = [];
  source.objects.configMaps.onChange((changes) => {
    for (const { key, after } of changes) if (key === `default/${name}`) seen.push(after?.data?.["value"]);
  });
  return seen;
}

/** Returns the longest time between two pieces, in ms. */
async function writeInPieces(name: string, text: string): Promise<number> {
  let longest = 0;
  truncateSync(file(name));
  for (let at = 0; at < text.length; at += 20) {
    const start = performance.now();
    await sleep(5);
    appendFileSync(file(name), text.slice(at, at + 20));
    longest = Math.max(longest, performance.now() - start);
  }
  return longest;
}

/** A suite whose tests have a directory each, and close what they opened of it. */
function suite(name: string, tests: () => void): void {
  describe(name, () => {
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "heddle-directory-"));
    });
    afterEach(() => {
      source.close();
      rmSync(directory, { recursive: true, force: true });
    });
    tests();
  });
}

suite("reading", () => {
  test("folders are read recursively; hidden ones, node_modules and other files are not", () => {
    mkdirSync(file("a/b"), { recursive: true });
    mkdirSync(file(".hidden"));
    mkdirSync(file("node_modules"));
    writeFileSync(file("a/b/one.yml"), configMap("one", "1") + configMap("two", "2"));
    writeFileSync(
      file("three.json"),
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"three"},"data":{"value":"3"}}',
    );
    for (const ignored of [".hidden/x.yaml", "node_modules/x.yaml", "x.txt"]) {
      writeFileSync(file(ignored), configMap("ignored", ""));
    }
    open();
    assert.deepEqual(values(), { one: "1", two: "2", three: "3" });
  });

  test("the items of a List are objects of their own", () => {
    const items = [configMap("one", "1"), configMap("two", "2")].map((text) =>
      text.slice(4).replaceAll("\n", "\n      "),
    );
    writeFileSync(
      file("list.yaml"),
      `apiVersion: v1\nkind: List\nitems:\n  - ${items.map((item) => `  ${item.trim()}`).join("\n  - ")}\n`,
    );
    open();
    assert.deepEqual(values(), { one: "1", two: "2" });
    assert.equal(
      source.locate({ kind: "ConfigMap", namespace: "default", name: "two" }, "data.value")?.line,
      15,
    );
  });

  test("an object says where it is, and where a field of it is", () => {
    writeFileSync(file("a.yaml"), configMap("one", "1") + configMap("two", "2"));
    open();
    const two = { kind: "ConfigMap", namespace: "default", name: "two" };
    assert.deepEqual(source.locate(two), { file: file("a.yaml"), line: 9 });
    assert.deepEqual(source.locate(two, "data.value"), { file: file("a.yaml"), line: 14 });
    assert.equal(source.locate({ ...two, name: "three" }), undefined);
  });

  test("a namespace that is used is there, with its labels if it is defined", async () => {
    const namespace =
      "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {heddle.dev/inject: enabled}}\n";
    writeFileSync(file("a.yaml"), configMap("one", "1"));
    open();
    assert.equal(source.objects.namespaces.get("default")?.metadata.labels, undefined);
    writeFileSync(file("b.yaml"), namespace);
    await until(() => source.objects.namespaces.get("default")?.metadata.labels !== undefined);
    rmSync(file("a.yaml"));
    rmSync(file("b.yaml"));
    await until(() => source.objects.namespaces.size === 0);
  });

  test("nothing to read is said, and the message goes when there is something", async () => {
    open();
    assert.deepEqual(messages(), ["holds no .yaml, .yml or .json file"]);
    writeFileSync(file("a.yaml"), configMap("one", "1"));
    await until(() => messages().length === 0 && source.objects.configMaps.size === 1);
  });
});

suite("watching", () => {
  test("an edit takes effect at once", async () => {
    writeFileSync(file("a.yaml"), configMap("one", "1"));
    open();
    writeFileSync(file("a.yaml"), configMap("one", "2"));
    // Not when all files are looked over, every ten seconds.
    assert.ok((await until(() => values()["one"] === "2")) < 5_000);
  });

  test("an editor that writes a new file and renames it never withdraws anything", async () => {
    open();
    let seen: (string | undefined)[];
    let pause: number;
    do {
      writeFileSync(file("a.yaml"), configMap("one", "1"));
      await until(() => values()["one"] === "1");
      graph.settle();
      seen = history("one");
      pause = 0;
      for (const value of ["2", "3", "4"]) {
        writeFileSync(file(".a.yaml.swp"), "no yaml: [");
        const start = performance.now();
        renameSync(file("a.yaml"), file("a.yaml~"));
        await sleep(5);
        writeFileSync(file("a.yaml"), configMap("one", value));
        pause = Math.max(pause, performance.now() - start);
        await until(() => values()["one"] === value);
      }
      graph.settle();
      // Where the file is away for longer, it is taken for gone.
    } while (pause > 30);
    assert.deepEqual(seen, ["2", "3", "4"]);
  });

  test("a file that is written in pieces is taken when it is whole", async () => {
    open();
    let seen: (string | undefined)[];
    let pause: number;
    do {
      writeFileSync(file("a.yaml"), configMap("one", "1") + configMap("two", "1"));
      await until(() => values()["two"] === "1");
      graph.settle();
      seen = history("two");
      pause = await writeInPieces("a.yaml", configMap("one", "2") + configMap("two", "2"));
      await until(() => values()["two"] === "2");
      await sleep(60);
      // A writer that is held up for longer has left a file that is taken as it is.
    } while (pause > 30);
    assert.deepEqual(seen, ["2"]);
    assert.deepEqual(messages(), []);
  });

  test("a file that does not parse keeps what it said, and says why", async () => {
    writeFileSync(file("a.yaml"), configMap("one", "1") + configMap("two", "1"));
    open();
    writeFileSync(file("a.yaml"), `${configMap("one", "2")}---\nkind: [\n`);
    await until(() => messages().length === 1);
    assert.deepEqual(values(), { one: "2", two: "1" });
    assert.match(messages()[0] ?? "", /^this is no valid YAML/u);
    writeFileSync(file("a.yaml"), configMap("one", "3"));
    await until(() => messages().length === 0);
    assert.deepEqual(values(), { one: "3" });
  });

  test("an object that is refused keeps its last good version; the others change", async () => {
    writeFileSync(file("a.yaml"), configMap("one", "1") + configMap("two", "1"));
    open();
    writeFileSync(
      file("a.yaml"),
      configMap("one", "2") + configMap("two", "2").replace("\ndata:", "\ndada:"),
    );
    await until(() => messages().length === 1);
    assert.deepEqual(values(), { one: "2", two: "1" });
  });

  test("deleting a file withdraws its objects, deleting a folder those of all in it", async () => {
    mkdirSync(file("a/b"), { recursive: true });
    writeFileSync(file("a/b/one.yaml"), configMap("one", "1"));
    writeFileSync(file("a/two.yaml"), configMap("two", "1"));
    writeFileSync(file("three.yaml"), configMap("three", "1"));
    writeFileSync(file("four.yaml"), configMap("four", "1"));
    open();
    rmSync(file("three.yaml"));
    await until(() => values()["three"] === undefined);
    rmSync(file("a"), { recursive: true });
    await until(() => source.objects.configMaps.size === 1);
    assert.deepEqual(values(), { four: "1" });
  });

  test("a directory that was given and is moved away takes nothing with it; back, it counts as it is", async () => {
    mkdirSync(file("given"));
    writeFileSync(file("given/one.yaml"), configMap("one", "1"));
    writeFileSync(file("given/two.yaml"), configMap("two", "1"));
    open({ paths: [file("given")] });
    renameSync(file("given"), file("away"));
    await until(() => messages().length === 1);
    assert.match(messages()[0] ?? "", /this directory is gone; what it said stays until it is back/);
    assert.deepEqual(values(), { one: "1", two: "1" });
    rmSync(file("away/one.yaml"));
    writeFileSync(file("away/two.yaml"), configMap("two", "2"));
    renameSync(file("away"), file("given"));
    await until(() => values()["one"] === undefined);
    assert.deepEqual([values(), messages()], [{ two: "2" }, []]);
  });

  test("new folders are watched, also when they take the place of old ones", async () => {
    open();
    mkdirSync(file("a"));
    writeFileSync(file("a/one.yaml"), configMap("one", "1"));
    await until(() => values()["one"] === "1");
    mkdirSync(file(".new"));
    writeFileSync(file(".new/one.yaml"), configMap("one", "2"));
    renameSync(file("a"), file(".old"));
    renameSync(file(".new"), file("a"));
    await until(() => values()["one"] === "2");
    writeFileSync(file("a/one.yaml"), configMap("one", "3"));
    await until(() => values()["one"] === "3");
  });

  test("of two files with one object the first by path counts; the other takes over", async () => {
    writeFileSync(file("b.yaml"), configMap("one", "b"));
    open();
    writeFileSync(file("a.yaml"), configMap("one", "a"));
    await until(() => values()["one"] === "a");
    assert.deepEqual(messages(), [
      `is defined in ${file("a.yaml")}:2 already, and that one is used; remove one of the two`,
    ]);
    rmSync(file("a.yaml"));
    await until(() => values()["one"] === "b");
    assert.deepEqual(messages(), []);
  });

  test("an edit that changes one of many objects changes nothing else", async () => {
    const all = Array.from({ length: 200 }, (_, index) => configMap(`c${index}`, "1"));
    writeFileSync(file("a.yaml"), all.join(""));
    open();
    let changed = 0;
    source.objects.configMaps.onChange((changes) => {
      changed += changes.length;
    });
    writeFileSync(file("a.yaml"), `# a comment\n${all.with(7, configMap("c7", "2")).join("")}`);
    await until(() => values()["c7"] === "2");
    graph.settle();
    assert.equal(changed, 1);
    assert.equal(source.locate({ kind: "ConfigMap", namespace: "default", name: "c8" })?.line, 2 + 8 * 7 + 1);
  });

  test("a single file can be given, and its neighbours are left alone", async () => {
    writeFileSync(file("a.yaml"), configMap("one", "1"));
    writeFileSync(file("b.yaml"), configMap("two", "1"));
    graph = new Graph();
    source = openDirectory(graph, { paths: [file("a.yaml")] });
    graph.settle();
    writeFileSync(file("b.yaml"), configMap("two", "2"));
    writeFileSync(file("a.yaml"), configMap("one", "2"));
    await until(() => values()["one"] === "2");
    assert.deepEqual(values(), { one: "2" });
  });
});

/** Writes a file as the local runner does. */
function put(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

const pod = (name: string, ip: string) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: "web" } },
    spec: { containers: [{ name: "web", ports: [{ name: "http", containerPort: 8080 }] }] },
    status: { podIP: ip, phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  });

suite("with the state of a cluster", () => {
  const service =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n";
  const wanted =
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: wanted}\nspec: {containers: [{name: web}]}\n";

  test("pods are those that run, services have the addresses given, endpoints follow", async () => {
    const cluster = file(".state/cluster");
    writeFileSync(file("web.yaml"), service + wanted);
    open({ cluster });
    assert.equal(source.objects.pods.size, 0);
    assert.equal(source.objects.services.get("default/web")?.spec.clusterIP, undefined);
    put(join(cluster, "pods/default.web-1.json"), pod("web-1", "10.244.0.9"));
    put(join(cluster, "service-addresses.json"), '{"default/web": "10.96.0.9"}');
    await until(() => source.objects.services.get("default/web")?.spec.clusterIP === "10.96.0.9");
    await until(() => source.objects.endpointSlices.get("default/web-8080")?.endpoints.length === 1);
    assert.deepEqual([...source.objects.pods.keys()], ["default/web-1"]);
    rmSync(join(cluster, "pods/default.web-1.json"));
    put(join(cluster, "service-addresses.json"), "{}");
    await until(() => source.objects.endpointSlices.size === 0 && source.objects.pods.size === 0);
    await until(() => source.objects.services.get("default/web")?.spec.clusterIP === undefined);
  });
});
