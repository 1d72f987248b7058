import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { ControlPlaneDeployment } from "./installed.ts";
import { rolloutFailure, rolloutProgress } from "./rollout.ts";

function deployment(status: ControlPlaneDeployment["status"]): ControlPlaneDeployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "heddle", generation: 2 },
    spec: { replicas: 2, template: { spec: { containers: [] } } },
    ...(status !== undefined && { status }),
  };
}

test("a rollout is over when all replicas are of this version and ready, and the old ones have ended", () => {
  const steps: readonly (readonly [ControlPlaneDeployment["status"], boolean, string])[] = [
    [undefined, false, "0 of 2 replicas ready"],
    // What is said of the version before.
    [
      { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
      false,
      "0 of 2 replicas ready",
    ],
    [
      { observedGeneration: 2, replicas: 3, updatedReplicas: 1, availableReplicas: 3 },
      false,
      "1 of 2 replicas ready, 2 of the old version to end",
    ],
    [
      { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 1 },
      false,
      "1 of 2 replicas ready",
    ],
    [
      { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
      true,
      "2 of 2 replicas ready",
    ],
  ];
  for (const [status, done, text] of steps)
    assert.deepEqual(rolloutProgress(deployment(status)), { done, text });
});

test("a rollout that does not succeed says why, each reason once", () => {
  const pod = (name: string, status: Pod["status"]): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [] },
    ...(status !== undefined && { status }),
  });
  const waiting = { reason: "ImagePullBackOff", message: "no such image" };
  const text = rolloutFailure("0 of 2 replicas ready", [
    pod("a", { containerStatuses: [{ name: "c", ready: false, restartCount: 0, state: { waiting } }] }),
    pod("b", { conditions: [{ type: "PodScheduled", status: "False", message: "no node has room" }] }),
  ]);
  assert.match(text, /0 of 2 replicas ready/);
  assert.match(text, /a: ImagePullBackOff no such image/);
  assert.match(text, /b: no node has room/);
});
