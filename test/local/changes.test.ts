/** What happens when files change while a mesh runs, and what it says about those that are wrong. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { client, deployment, service } from "#test/helpers/workloads.ts";

/** Answers with its version; on SIGTERM it goes on for a moment, as a server that drains does. */
const server = `
  const server = require("http").createServer((_, response) => response.end(process.env.VERSION));
  server.listen(8080);
  process.on("SIGTERM", () => setTimeout(() => process.exit(), 2_000));`;

function web(version: string, replicas = 2, readyPort = 8080): object {
  return deployment("web", ["node", "-e", server], {
    replicas,
    container: {
      env: [{ name: "VERSION", value: version }],
      readinessProbe: { httpGet: { path: "/", port: readyPort }, periodSeconds: 1 },
    },
  });
}

const stable = [client("client"), service("web", [{ port: 80, targetPort: 8080 }])];

describe("changes of files", () => {
  let mesh: Mesh;
  before(async () => {
    mesh = await startMesh({ "stable.yaml": stable, "web.yaml": [web("1")] });
  });
  after(() => mesh.close());

  const versions = async (): Promise<string> => {
    const script = "for i in $(seq 10); do curl -sS -m 30 http://web/; echo; done | sort -u";
    return (await mesh.output("deploy/client", ["sh", "-c", script])).trim();
  };

  test("a new template replaces pods one by one, and no request fails meanwhile", async () => {
    const script =
      "for i in $(seq 150); do curl -sS -m 30 http://web/ || echo FAILED $?; echo; sleep 0.02; done | sort | uniq -c";
    const load = mesh.output("deploy/client", ["sh", "-c", script]);
    await until(async () => (await mesh.exec("deploy/client", ["true"])).code === 0, "the load to run");
    let most = 0;
    mesh.write("web.yaml", web("2"));
    await until(async () => {
      const pods = (await mesh.pods()).filter(({ workload }) => workload.endsWith("/web"));
      most = Math.max(most, pods.filter(({ status }) => status !== "Terminating").length);
      return (await versions()) === "2";
    }, "the new version");
    assert.ok(most <= 3, `${most} pods at a time`);
    assert.doesNotMatch(await load, /FAILED/);
  });

  test("more and fewer replicas", async () => {
    mesh.write("web.yaml", web("2", 3));
    await until(
      async () => (await mesh.podsOf("web")).filter(({ ready }) => ready).length === 3,
      "three pods",
    );
    mesh.write("web.yaml", web("2", 1));
    await until(
      async () => (await mesh.pods()).filter(({ workload }) => workload.endsWith("/web")).length === 1,
      "one pod",
    );
  });

  test("a pod whose new version does not become ready leaves the old ones serving", async () => {
    mesh.write("web.yaml", web("3", 1, 9999));
    await until(async () => (await mesh.podsOf("web")).length === 2, "the new pod");
    assert.equal(await versions(), "2");
    mesh.write("web.yaml", web("2", 1));
    await until(async () => (await mesh.podsOf("web")).length === 1, "its removal");
  });

  test("a command that does not exist is told with file, line and field, and all others run on", async () => {
    mesh.write("broken.yaml", deployment("broken", ["/no/such/program"]));
    await until(
      async () => (await mesh.problems()).some(({ message }) => message.includes("/no/such/program")),
      "the problem",
    );
    const problem = (await mesh.problems()).find(({ message }) => message.includes("/no/such/program"));
    assert.equal(problem?.file, `${mesh.directory}/broken.yaml`);
    assert.equal(problem?.line, 1);
    assert.equal(problem?.field, "spec.template.spec.containers[0].command[0]");
    assert.deepEqual(problem?.object, { kind: "Deployment", namespace: "default", name: "broken" });
    await until(
      async () => (await mesh.podsOf("broken"))[0]?.status === "RunContainerError",
      "the status of its pod",
    );
    assert.equal(await versions(), "2");
  });

  test("a pod waits for a Secret, and says so", async () => {
    const container = { envFrom: [{ secretRef: { name: "late" } }] };
    mesh.write("broken.yaml", client("waiting", { container }));
    await until(
      async () =>
        (await mesh.problems()).some(({ message }) => message.includes("Secret late does not exist")),
      "the problem",
    );
    mesh.write("late.yaml", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "late" },
      stringData: { A: "1" },
    });
    await mesh.ready("waiting");
  });

  test("what stands in for an image runs, and is replaced with the file that says so", async () => {
    const says = (text: string) => `shop/says:\n  entrypoint: [sh, says.sh]\n  env: { TEXT: ${text} }\n`;
    mesh.write("says.sh", "echo $TEXT; sleep 1000");
    mesh.write("broken.yaml", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "says" },
      spec: {
        terminationGracePeriodSeconds: 0,
        // The script is below it on this machine.
        volumes: [{ name: "tmp", emptyDir: {} }],
        containers: [
          { name: "says", image: "shop/says:1", volumeMounts: [{ name: "tmp", mountPath: tmpdir() }] },
        ],
      },
    });
    await until(
      async () => (await mesh.problems()).some(({ message }) => message.includes("heddle-images.yaml")),
      "the problem",
    );
    const output = async () => (await mesh.heddle("logs", "says")).stdout;
    mesh.write("heddle-images.yaml", says("first"));
    await until(async () => (await output()).includes("first"), "the first form");
    mesh.write("heddle-images.yaml", says("second"));
    await until(async () => (await output()).includes("second"), "the second form");
    await until(async () => (await mesh.problems()).length === 0, "no problem");
    mesh.remove("heddle-images.yaml");
  });

  test("what a removed file asked for is gone", async () => {
    mesh.remove("broken.yaml");
    await until(async () => (await mesh.podsOf("waiting")).length === 0, "the pod to end");
    mesh.remove("web.yaml");
    await until(
      async () => (await mesh.exec("deploy/client", ["curl", "-sS", "http://web/"])).code === 7,
      "no endpoints",
    );
  });

  test("a file that is no YAML is told, and changes nothing", async () => {
    mesh.write("bad.yaml", "kind: [");
    await until(
      async () => (await mesh.problems()).some(({ file }) => file?.endsWith("bad.yaml") === true),
      "the problem",
    );
    assert.equal((await mesh.podsOf("client"))[0]?.ready, true);
  });
});
