import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { validateFiles } from "#cli/commands/validate.ts";
import { Graph } from "#collections/graph.ts";
import type { ImageStandIn } from "#model/image-stand-in.ts";
import { until } from "#test/helpers/wait.ts";
import { formatProblem } from "./collect-problems.ts";
import { openDirectory } from "./directory.ts";
import { IMAGE_FILE } from "./image-file.ts";

let directory: string;
const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);

/** A suite whose tests have a directory each. */
function describe(name: string, tests: () => void): void {
  suite(name, () => {
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "heddle-images-"));
    });
    afterEach(() => rmSync(directory, { recursive: true, force: true }));
    tests();
  });
}

const pod = `apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
    - name: web
      image: shop/web:1
      args: [--verbose]
`;

async function problems(): Promise<readonly string[]> {
  const found = await validateFiles([directory]);
  return found.problems.map((problem) => formatProblem(problem).replaceAll(`${directory}/`, ""));
}

describe("the file that says what stands in for images", () => {
  test("is read among manifests, its directories relative to it", () => {
    mkdirSync(join(directory, "sub"));
    write(
      `sub/${IMAGE_FILE}`,
      'shop/web:\n  entrypoint: [node, web.ts]\n  cmd: ["80"]\n  env: { A: b }\nshop/api: { workingDir: ../api }\n',
    );
    const graph = new Graph({
      onFault: ({ error }) => {
        throw error;
      },
    });
    const source = openDirectory(graph, { paths: [directory] });
    source.close();
    assert.deepEqual([...source.problems.entries()], []);
    assert.deepEqual(
      new Map([...source.standIns.entries()].map(([, standIn]) => [standIn.image, standIn])),
      new Map<string, ImageStandIn>([
        ["shop/api", { image: "shop/api", workingDir: join(directory, "api") }],
        [
          "shop/web",
          {
            image: "shop/web",
            workingDir: join(directory, "sub"),
            entrypoint: ["node", "web.ts"],
            cmd: ["80"],
            env: { A: "b" },
          },
        ],
      ]),
    );
  });

  test("is followed; what it said stays while it is wrong", async () => {
    const graph = new Graph({
      onFault: ({ error }) => {
        throw error;
      },
    });
    write(IMAGE_FILE, "shop/web: { cmd: [a] }\n");
    const source = openDirectory(graph, { paths: [directory] });
    const commands = () => [...source.standIns.entries()].map(([, { cmd }]) => cmd?.join(" "));
    try {
      write(IMAGE_FILE, "shop/web: { cmd: [b] }\n");
      await until(() => commands()[0] === "b", "the edit");
      write(IMAGE_FILE, "shop/web: [\n");
      await until(() => source.problems.size === 1, "the problem");
      assert.deepEqual(commands(), ["b"]);
      write(IMAGE_FILE, "shop/api: { cmd: [c] }\n");
      await until(() => commands().join() === "c", "the corrected file");
      assert.equal(source.problems.size, 0);
    } finally {
      source.close();
    }
  });

  test("must have the right form", async () => {
    write(IMAGE_FILE, "shop/web:\n  cmd: [80]\n  entrypiont: [node]\n");
    assert.deepEqual(await problems(), [
      `${IMAGE_FILE}:2: error: expected a string, found the number 80; put it in quotes (["shop/web"].cmd[0])`,
      `${IMAGE_FILE}:3: error: unknown field entrypiont; did you mean entrypoint? (["shop/web"].entrypiont)`,
    ]);
  });
});

describe("a container without a command", () => {
  test("needs a stand-in", async () => {
    write("pod.yaml", pod);
    assert.deepEqual(await problems(), [
      `pod.yaml:6: warning: container web has no command, and images do not run in local mode; give it a command, or say what stands in for shop/web:1 in a file ${IMAGE_FILE} (Pod default/web, spec.containers[0])`,
    ]);
    write(IMAGE_FILE, "shop/*: { entrypoint: [sh, -c] }\n");
    assert.deepEqual(await problems(), []);
  });

  test("needs one that can be run", async () => {
    write("pod.yaml", pod);
    write(IMAGE_FILE, "shop/*: { entrypoint: [no-such-program] }\n");
    assert.deepEqual(await problems(), [
      `pod.yaml:7: error: there is no program no-such-program in PATH that can be run on this machine; install it or correct what stands in for shop/* in ${IMAGE_FILE} (Pod default/web, spec.containers[0].image)`,
    ]);
  });
});
