// What controllers make pods of, and the pods that they make.
import assert from "node:assert/strict";
import { isInjected } from "#injector/inject.ts";
import { pathOf } from "#kubernetes/client.ts";
import type { KubernetesObject } from "#model/object.ts";
import { until } from "#test/helpers/wait.ts";
import type { Harness } from "./harness.ts";
import { normal } from "./outcome.ts";

const podSpec = {
  containers: [
    {
      name: "web",
      image: "web:1",
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/ready", port: "http" } },
    },
  ],
};

/** One of each kind whose controller makes pods. */
export function workloads(namespace: string): readonly KubernetesObject[] {
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: podSpec };
  const selector = { matchLabels: labels };
  const jobTemplate = { metadata: { labels }, spec: { ...podSpec, restartPolicy: "Never" } };
  const made = (apiVersion: string, kind: string, spec: object) => {
    const metadata = { name: "web", namespace };
    return { apiVersion, kind, metadata, spec };
  };
  return [
    made("apps/v1", "Deployment", { selector, template }),
    made("apps/v1", "StatefulSet", { selector, template, serviceName: "web" }),
    made("batch/v1", "Job", { template: jobTemplate }),
  ];
}

/** What the controllers make of the workloads, each `prepared`: annotations and spec, as the server keeps them. */
export async function madePods(
  { client, podsOf, remove }: Harness,
  prepared: (workload: KubernetesObject) => object,
): Promise<readonly object[]> {
  const namespace = "adm-workloads";
  const found: object[] = [];
  for (const workload of workloads(namespace)) {
    const { apiVersion, kind, metadata } = workload;
    const resource = (await client.resourceOf(apiVersion, kind)) ?? assert.fail(kind);
    await client.request("POST", pathOf(resource, { namespace }), { body: prepared(workload) });
    await until(async () => (await podsOf(namespace)).length > 0, `the pod of a ${kind}`);
    const pod = (await podsOf(namespace))[0] ?? assert.fail();
    assert.ok(isInjected(pod), `the pod of a ${kind} is not injected`);
    const { annotations } = pod.metadata;
    // Whether it has a node by now is a matter of time.
    const { nodeName: _nodeName, ...spec } = normal(pod).spec;
    found.push({ annotations, spec });
    await remove(apiVersion, kind, metadata.name, namespace);
    await until(async () => (await podsOf(namespace)).length === 0, `the end of the ${kind}'s pod`);
  }
  return found;
}
