// Asks a webhook server of its own process about pods, as an API server does: over one connection, one after the other.
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:https";
import { join } from "node:path";
import type { AdmissionAnswer } from "#injector/admission-review.ts";
import { injectionPath } from "#injector/webhook-configurations.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { monotonicMs } from "../processes.ts";
import type { Listening } from "./server.ts";

const warmUp = 200;

/** Milliseconds that each of many reviews of a pod takes. */
export async function timesOfReviews(pod: Pod, count: number): Promise<readonly number[]> {
  const server = fork(join(import.meta.dirname, "server.ts"));
  try {
    const [listening] = (await once(server, "message")) as [Listening];
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: listening.rootPem });
    const times: number[] = [];
    for (let number = 0; number < warmUp + count; number++) {
      const body = JSON.stringify(reviewOf(pod, number));
      const start = monotonicMs();
      const { response } = await post(agent, listening.port, body);
      if (number >= warmUp) times.push(monotonicMs() - start);
      if (response.patch === undefined) throw new Error("the pod was not injected");
    }
    agent.destroy();
    return times;
  } finally {
    server.disconnect();
  }
}

function reviewOf(pod: Pod, number: number): object {
  const object = { ...pod, metadata: { ...pod.metadata, name: `${pod.metadata.name}-${number}` } };
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: `uid-${number}`, operation: "CREATE", namespace: "default", object },
  };
}

function post(agent: Agent, port: number, body: string): Promise<AdmissionAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const path = injectionPath("namespace");
    const asked = request({ host: "localhost", port, path, method: "POST", agent, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve(JSON.parse(text) as AdmissionAnswer));
    });
    asked.on("error", reject).end(body);
  });
}
