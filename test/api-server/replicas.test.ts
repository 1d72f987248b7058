// Replicas of the control plane at a real API server: how they start, who leads, and what becomes of them without it.
import assert from "node:assert/strict";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { authoritySecret, controlPlaneHost, systemNamespace } from "#model/installation.ts";
import { webhookPort, xdsPort } from "#runtime/ports.ts";
import { makePod, namespace, podToken, put, startPod } from "#test/helpers/cluster-objects.ts";
import type { Replica } from "#test/helpers/replica.ts";
import { openReplicaSet, type ReplicaSet } from "#test/helpers/replica-set.ts";
import { until } from "#test/helpers/wait.ts";
import { listenerType } from "#xds/type-urls.ts";

let set: ReplicaSet;
let rootPem: string;

before(async () => {
  set = await openReplicaSet(0);
});
after(() => set.stop());

test("without permissions a replica lives, and says why it is not ready, until it has them", async () => {
  const replica = set.start();
  await until(async () => {
    return (
      (await replica.notReady())?.some((reason) => reason.includes('cannot get resource "secrets"')) === true
    );
  }, "the reason");
  await sleep(1_000);
  assert.ok(((await replica.notReady())?.length ?? 0) > 0);
  await set.grant();
  await replica.ready();
  // Not one of the kinds that come with definitions is there yet.
  assert.equal((await replica.ask("/problems")).status, 200);
  assert.equal(await set.end(replica, "SIGTERM"), 0);
});

test("two replicas that start together make one certificate authority, and one leads", async () => {
  await set.admin.request("DELETE", `/api/v1/namespaces/${systemNamespace}/secrets/${authoritySecret}`);
  const both = [set.start(), set.start()];
  await Promise.all(both.map((replica) => replica.ready()));
  rootPem = (await set.authority()).get("root-cert.pem") ?? "";
  for (const { address } of both) {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(
        {
          host: address,
          port: xdsPort,
          ca: rootPem,
          servername: controlPlaneHost,
          ALPNProtocols: ["h2"],
        },
        () => {
          socket.destroy();
          resolve();
        },
      );
      socket.on("error", reject);
    });
  }
  await set.leader();
});

test("every replica answers webhooks, and what was not injected is told in an event", async () => {
  await put(set.admin, namespace("hosts", { "heddle.dev/inject": "enabled" }));
  const replica = set.all().at(-1) as Replica;
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "agent", namespace: "hosts" },
    spec: { hostNetwork: true, containers: [{ name: "agent", image: "agent" }] },
  };
  const review = {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "1", operation: "CREATE", namespace: "hosts", name: "agent", object: pod },
  };
  const answer = await new Promise<string>((resolve, reject) => {
    const sent = request({
      method: "POST",
      host: replica.address,
      port: webhookPort,
      path: "/inject/namespace",
      servername: controlPlaneHost,
      ca: rootPem,
      agent: false,
    });
    sent.on("error", reject);
    sent.on("response", (response) => {
      text(response).then(resolve, reject);
    });
    sent.end(JSON.stringify(review));
  });
  assert.match(answer, /"allowed":true.*no sidecar is injected/);
  interface Events {
    readonly items: readonly { readonly reason: string; readonly note: string }[];
  }
  await until(async () => {
    const { items } = await set.admin.request<Events>(
      "GET",
      "/apis/events.k8s.io/v1/namespaces/hosts/events",
    );
    return items.some(({ reason, note }) => reason === "NotInjected" && note.includes("host's network"));
  }, "the event");
});

test("a killed leader is followed when its lease has expired, and its work goes on", async () => {
  const old = await set.leader();
  await set.end(old, "SIGKILL");
  const next = await set.leader();
  assert.notEqual(next, old);
  await put(set.admin, namespace("orphaned", { "heddle.dev/inject": "enabled" }));
  await until(async () => (await set.trustBundle("orphaned")) !== undefined, "the next leader's work");
  await set.start().ready();
});

test("while the API server is away proxies are served, nobody leads on, and afterwards all goes on", async () => {
  const old = await set.leader();
  await put(set.admin, namespace("shop", { "heddle.dev/inject": "enabled" }));
  const pod = await makePod(set.admin, "shop", "stayer");
  await startPod(set.admin, "shop", "stayer", "10.1.0.7");
  const token = await podToken(set.admin, { account: "stayer", pod });
  const warm = await set.stream(old, token);
  warm.subscribe(listenerType, []);
  await warm.next();
  await set.server.kill();
  await until(() => !old.leads(), "the leader to give up");
  const client = await set.stream(old, token);
  client.subscribe(listenerType, []);
  assert.equal(Object.keys((await client.next()).resources).length, 3);
  assert.equal(warm.ended(), undefined);
  assert.deepEqual(await old.notReady(), [], "what is known is served");
  // One that starts now waits.
  const late = set.start();
  await until(
    async () => (await late.notReady())?.some((reason) => reason.includes("the API server")) === true,
    "the reason",
  );
  await set.server.start();
  await late.ready();
  await set.leader();
  await put(set.admin, namespace("afterwards", { "heddle.dev/inject": "enabled" }));
  await until(async () => (await set.trustBundle("afterwards")) !== undefined, "work after the outage");
});
