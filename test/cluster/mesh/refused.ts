// Pods that cannot be in the mesh, or must not be: left alone or refused, and somebody is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding } from "#install/check/finding.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { deployment, idle, pod } from "#test/helpers/cluster-workloads.ts";
import { type Environment, eventSays, podOf } from "./environment.ts";

/** With which a pod may be where the strictest level is enforced. */
const securityContext = {
  runAsNonRoot: true,
  runAsUser: 1000,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

export function testRefusals(environment: () => Environment): void {
  test("a pod on the host's network is left alone, and its owner told", async () => {
    const { cluster, namespace, injection } = environment();
    const onHost = { spec: { hostNetwork: true, terminationGracePeriodSeconds: 1 } };
    const made = await cluster.tryKubectl(
      ["create", "-f", "-"],
      JSON.stringify(pod(namespace, "on-host", idle, onHost)),
    );
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stderr, /Warning: .*uses the host's network/);
    const { spec } = await cluster.get<Pod>("pod", "on-host", namespace);
    assert.equal(spec.initContainers, undefined);
    await cluster.kubectl(["delete", "pod", "-n", namespace, "on-host", "--wait=false"]);
    // A policy cannot write events.
    if (injection === "policy") return;
    await cluster.apply([deployment(namespace, "hosted", idle, onHost)]);
    await cluster.rolledOut(namespace, "deployment/hosted");
    assert.equal((await podOf(environment(), "hosted")).spec.initContainers, undefined);
    await eventSays(environment(), namespace, /"NotInjected"/);
    await cluster.kubectl(["delete", "deployment", "-n", namespace, "hosted"]);
  });

  test("a namespace whose Pod Security level forbids the sidecar has no half a pod: an event and a check tell", async (t) => {
    const { heddle, cluster } = environment();
    const level = "pod-security.kubernetes.io/enforce";
    for (const enforced of ["baseline", "restricted"]) {
      const secured = await cluster.createNamespace(enforced, {
        "heddle.dev/inject": "enabled",
        [level]: enforced,
      });
      t.after(() => cluster.deleteNamespace(secured));
      await cluster.apply([deployment(secured, "secured", idle, { container: { securityContext } })]);
      await eventSays(environment(), secured, /FailedCreate/);
      await eventSays(environment(), secured, new RegExp(`${enforced}.*NET_ADMIN|NET_ADMIN.*${enforced}`));
      const { code, stdout } = await heddle.heddle("check", "-o", "json");
      assert.equal(code, 1);
      const finding = (JSON.parse(stdout) as readonly Finding[]).find(
        ({ subject, message }) => subject === "Pod Security" && message.includes(secured),
      );
      assert.equal(finding?.severity, "error", stdout);
      assert.match(finding.remedy ?? "", new RegExp(`${level}=privileged`));
      const pods = await cluster.kubectl(["get", "pods", "-n", secured, "-o", "name"]);
      assert.equal(pods, "");
    }
  });

  test("nobody may run as the proxy's user or in its group, not even to debug", async () => {
    const { cluster, namespace } = environment();
    for (const asProxy of [{ runAsUser: 1337 }, { runAsGroup: 1337 }]) {
      const refused = await cluster.tryKubectl(
        ["create", "-f", "-"],
        JSON.stringify(pod(namespace, "disguised", idle, { container: { securityContext: asProxy } })),
      );
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /(user|group) 1337 is the proxy's/);
    }
    const { metadata, spec } = await podOf(environment(), "web");
    const disguised = { name: "disguised", image: "mesh.local/test:1", securityContext: { runAsUser: 1337 } };
    const patch = { spec: { ephemeralContainers: [disguised] } };
    const edit = ["patch", "pod", metadata.name, "-n", namespace, "--subresource=ephemeralcontainers"];
    const refused = await cluster.tryKubectl([...edit, "--type=strategic", "-p", JSON.stringify(patch)]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /user 1337 is the proxy's/);
    assert.equal(spec.ephemeralContainers, undefined);
  });
}
