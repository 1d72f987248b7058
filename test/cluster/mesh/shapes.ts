// Pods of every shape that applications have, in the mesh: they run, their traffic is its, and they end as they should.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import {
  call,
  deployment,
  idle,
  object,
  pod,
  podTemplate,
  testContainer,
} from "#test/helpers/cluster-workloads.ts";
import { becomes, type Environment, podOf } from "./environment.ts";

/** Prints the certificate that the server saw. */
const ask = ["curl", "-sS", "-m", "30", "http://web/"];
const inTheMesh = /x-forwarded-client-cert":"By=\S*URI=spiffe:\/\/cluster\.local\/ns\/[^/]+\/sa\/default"/;

/** So often it calls out when it is told to end, over three seconds at least; once before it is told. */
const endingCalls = 15;
const calling = `
  const call = (what) => fetch("http://web/").then((answer) => console.log(what, answer.status), (error) => console.log(what, String(error.cause ?? error)));
  process.on("SIGTERM", async () => {
    for (let made = 0; made < ${endingCalls}; made++) {
      await call("ending");
      await new Promise((later) => setTimeout(later, 200));
    }
    console.log("bye");
    process.exit(0);
  });
  setInterval(() => {}, 1000);
  call("running");`;

function job(namespace: string, name: string, command: readonly string[]): KubernetesObject {
  const template = podTemplate(name, command, {
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 2 },
  });
  return object("batch/v1", "Job", namespace, name, { spec: { backoffLimit: 0, template } });
}

const strict = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

function shapes(namespace: string): readonly KubernetesObject[] {
  const helper = testContainer("helper", idle, { restartPolicy: "Always" });
  return [
    deployment(namespace, "deployment", idle),
    object("apps/v1", "StatefulSet", namespace, "stateful", {
      spec: {
        serviceName: "stateful",
        selector: { matchLabels: { app: "stateful" } },
        template: podTemplate("stateful", idle),
      },
    }),
    job(namespace, "completes", ask),
    job(namespace, "fails", ["sh", "-c", "exit 3"]),
    pod(namespace, "bare", idle, { spec: { terminationGracePeriodSeconds: 2 } }),
    pod(namespace, "with-helper", idle, { spec: { initContainers: [helper] } }),
    pod(namespace, "init-calls", idle, { spec: { initContainers: [testContainer("first", ask)] } }),
    pod(namespace, "strict", idle, { container: { securityContext: strict } }),
    pod(namespace, "ends-slowly", ["node", "-e", calling], {
      container: {
        lifecycle: {
          preStop: {
            exec: {
              command: [
                "sh",
                "-c",
                "curl -sS -o /dev/null -w 'hook %{http_code}\\n' http://web/ >/proc/1/fd/1",
              ],
            },
          },
        },
      },
      spec: { terminationGracePeriodSeconds: 60 },
    }),
  ];
}

/** Makes all of them, so that they start while others are looked at. */
export async function makeShapes({ cluster, namespace }: Environment): Promise<void> {
  await cluster.apply(shapes(namespace));
}

const terminated = ({ status }: Pod, name: string) => {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.find((each) => each.name === name)?.state?.terminated?.exitCode;
};

/** One test for each. */
export function testShapes(environment: () => Environment): void {
  const callsAsMember = async (target: string) => {
    const { cluster, namespace } = environment();
    const [answer] = await call(cluster, namespace, target, "http://web/");
    assert.match(JSON.stringify(answer), inTheMesh);
  };

  test("a Deployment, a StatefulSet and a pod of its own call as members of the mesh", async () => {
    const { cluster, namespace } = environment();
    for (const workload of ["deployment/deployment", "statefulset/stateful"])
      await cluster.rolledOut(namespace, workload);
    await becomes(environment(), "bare", "condition=Ready");
    for (const target of ["deployment/deployment", "stateful-0", "bare"]) await callsAsMember(target);
  });

  test("a Job completes, having called as a member of the mesh", async () => {
    const { cluster, namespace } = environment();
    await cluster.kubectl([
      "wait",
      "-n",
      namespace,
      "job/completes",
      "--for=condition=Complete",
      "--timeout=180s",
    ]);
    assert.match(await cluster.logs(namespace, "job/completes", "app"), inTheMesh);
    const ended = await podOf(environment(), "completes");
    assert.deepEqual(
      ["app", "heddle-proxy"].map((name) => terminated(ended, name)),
      [0, 0],
    );
  });

  test("a Job that fails keeps its exit code", async () => {
    const { cluster, namespace } = environment();
    await cluster.kubectl(["wait", "-n", namespace, "job/fails", "--for=condition=Failed", "--timeout=180s"]);
    const ended = await podOf(environment(), "fails");
    assert.deepEqual(
      ["app", "heddle-proxy"].map((name) => terminated(ended, name)),
      [3, 0],
    );
  });

  test("the sidecar comes before an application's own sidecars and init containers, which are in the mesh", async () => {
    const { cluster, namespace } = environment();
    for (const name of ["with-helper", "init-calls"]) await becomes(environment(), name, "condition=Ready");
    const { spec } = await cluster.get<Pod>("pod", "with-helper", namespace);
    assert.deepEqual(
      spec.initContainers?.map(({ name }) => name),
      ["heddle-proxy", "heddle-init", "helper"],
    );
    const saw = await cluster.execInPod(namespace, "with-helper", ask, { container: "helper" });
    assert.match(saw, inTheMesh);
    assert.match(await cluster.logs(namespace, "init-calls", "first"), inTheMesh);
  });

  test("a container without rights, on a read-only root, calls as a member of the mesh", async () => {
    await becomes(environment(), "strict", "condition=Ready");
    await callsAsMember("strict");
  });

  test("calls out work from the preStop hook on, until the application has ended", async () => {
    const { cluster, namespace } = environment();
    await becomes(environment(), "ends-slowly", "condition=Ready");
    const logs = cluster.kubectl(["logs", "-f", "-n", namespace, "ends-slowly", "-c", "app"]);
    await cluster.kubectl(["delete", "pod", "-n", namespace, "ends-slowly", "--timeout=180s"]);
    const lines = (await logs).trim().split("\n");
    assert.equal(lines.at(-1), "bye");
    assert.ok(lines.includes("hook 200"), lines.join());
    assert.equal(lines.filter((line) => line === "ending 200").length, endingCalls, lines.join());
    assert.deepEqual(
      lines.filter((line) => !line.endsWith(" 200") && line !== "bye"),
      [],
    );
  });

  test("a container that kubectl debug adds is in the mesh", async () => {
    const { cluster, namespace } = environment();
    await becomes(environment(), "bare", "condition=Ready");
    const image = ["--image=mesh.local/test:1", "--image-pull-policy=IfNotPresent"];
    await cluster.kubectl([
      "debug",
      "-n",
      namespace,
      "pod/bare",
      ...image,
      "--container=debugger",
      "--",
      ...ask,
    ]);
    await becomes(
      environment(),
      "bare",
      "jsonpath={.status.ephemeralContainerStatuses[?(@.name=='debugger')].state.terminated}",
    );
    assert.match(await cluster.logs(namespace, "bare", "debugger"), inTheMesh);
  });

  test("the sidecar runs as its own user, without capabilities, on a read-only root", async () => {
    const { cluster, namespace } = environment();
    const find = `for process in /proc/[0-9]*; do
      [ "$(cat $process/comm 2>/dev/null)" = envoy ] || continue
      tr '\\0' '\\n' <$process/environ | grep -qx 'POD_NAMESPACE=${namespace}' || continue
      tr '\\0' '\\n' <$process/environ | grep -qx 'POD_NAME=bare' || continue
      cat $process/status; grep ' / / ' $process/mountinfo; done`;
    const seen = await cluster.inNode(["sh", "-c", find]);
    assert.match(seen, /^Uid:\s+1337\s+1337\s+1337\s+1337$/m);
    assert.match(seen, /^Gid:\s+1337\s+1337\s+1337\s+1337$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
      assert.match(seen, new RegExp(`^${set}:\\s+0+$`, "m"));
    assert.match(seen, /^NoNewPrivs:\s+1$/m);
    assert.match(seen, /^Seccomp:\s+2$/m);
    assert.match(seen, / \/ \/ ro,/);
  });
}
