// Proxies at replicas of the control plane: who is let in, what is not sent twice, and what replicas tell each other.
import assert from "node:assert/strict";
import { request } from "node:https";
import { after, before, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { trustBundleSecret, workloadSecret } from "#envoy/names.ts";
import { authorityOf, type IssuedCertificate } from "#identity/authority.ts";
import { controlPlaneHost, systemNamespace } from "#model/installation.ts";
import type { KubernetesObject } from "#model/object.ts";
import { replicasPort } from "#runtime/ports.ts";
import { makePod, namespace, podToken, put, startPod } from "#test/helpers/cluster-objects.ts";
import type { DeltaClient } from "#test/helpers/delta-client.ts";
import type { Replica } from "#test/helpers/replica.ts";
import { openReplicaSet, type ReplicaSet } from "#test/helpers/replica-set.ts";
import { until } from "#test/helpers/wait.ts";
import { clusterType, listenerType, secretType, virtualHostType } from "#xds/type-urls.ts";

let set: ReplicaSet;

before(async () => {
  set = await openReplicaSet(2);
  await put(set.admin, namespace("shop", { "heddle.dev/inject": "enabled" }));
});
after(() => set.stop());

test("a proxy is let in by the token of its own pod alone, and waits for its pod to become known", async () => {
  const [replica] = set.all() as [Replica];
  const pod = await makePod(set.admin, "shop", "web");
  await makePod(set.admin, "shop", "other");
  const web = { account: "web", pod };
  const stream = async (token: string): Promise<DeltaClient> => {
    const client = await set.stream(replica, token);
    client.subscribe(listenerType, []);
    return client;
  };
  const audience = "https://kubernetes.default.svc";
  for (const token of [await podToken(set.admin, { ...web, audience }), "ey.ey.ey"]) {
    const refused = await stream(token);
    await until(() => refused.ended() !== undefined, "the refusal");
    assert.equal(refused.ended()?.code, status.UNAUTHENTICATED);
  }
  // It has no address yet.
  const token = await podToken(set.admin, web);
  let early = await stream(token);
  await startPod(set.admin, "shop", "web", "10.1.0.1");
  await until(async () => {
    // After some seconds it would be asked to come again, as it does on a busy machine.
    if (early.ended()?.code === status.UNAVAILABLE) early = await stream(token);
    else assert.equal(early.ended(), undefined);
    return early.received.length > 0;
  }, "its listeners");
  assert.deepEqual(Object.keys((await early.next()).resources).sort(), ["health", "inbound", "outbound"]);
});

test("the token of a pod that was replaced by another of its name gets nothing, and is asked to come again", async () => {
  const [replica] = set.all() as [Replica];
  const earlier = await makePod(set.admin, "shop", "stateful");
  await startPod(set.admin, "shop", "stateful", "10.1.0.2");
  const token = await podToken(set.admin, { account: "stateful", pod: earlier });
  await set.admin.request("DELETE", "/api/v1/namespaces/shop/pods/stateful", {
    query: { gracePeriodSeconds: "0" },
  });
  const later = await makePod(set.admin, "shop", "stateful");
  await startPod(set.admin, "shop", "stateful", "10.1.0.3");
  const laterToken = await podToken(set.admin, { account: "stateful", pod: later });
  await until(async () => {
    const probe = await set.stream(replica, laterToken);
    probe.subscribe(listenerType, []);
    await until(() => probe.received.length > 0 || probe.ended() !== undefined, "an answer");
    probe.close();
    return probe.received.length > 0;
  }, "the later pod to be known");
  const client = await set.stream(replica, token);
  client.subscribe(listenerType, []);
  await until(() => client.ended() !== undefined, "the refusal");
  assert.equal(client.ended()?.code, status.UNAVAILABLE);
  assert.deepEqual(client.received, []);
});

/**
 * Everything that a proxy without traffic subscribes to, by type and name, and the versions of it; of a proxy that has
 * some already, what it is sent nevertheless.
 */
async function versionsOf(client: DeltaClient, known: Versions = {}): Promise<Versions> {
  const versions: Record<string, Record<string, string>> = {};
  client.subscribe(clusterType, [], known[clusterType]);
  client.subscribe(listenerType, [], known[listenerType]);
  client.subscribe(secretType, [workloadSecret, trustBundleSecret], known[secretType]);
  client.subscribe(virtualHostType, [serviceHost], known[virtualHostType]);
  const knowsNothing = Object.keys(known).length === 0;
  let seen = 0;
  let quietSince = performance.now();
  await until(() => {
    for (const response of client.received.slice(seen)) {
      // At once: what needs a resource is sent when the proxy has that.
      client.ack(response);
      versions[response.typeUrl] = { ...versions[response.typeUrl], ...response.resources };
      quietSince = performance.now();
    }
    seen = client.received.length;
    return (!knowsNothing || hasAll(client)) && performance.now() - quietSince > 700;
  }, "an answer to each subscription, and silence after it");
  return versions;
}

function hasAll({ received }: DeltaClient): boolean {
  const names = received.flatMap(({ resources }) => Object.keys(resources));
  const types = new Set(received.map(({ typeUrl }) => typeUrl));
  return types.size === 4 && names.includes(workloadSecret) && names.includes(trustBundleSecret);
}

type Versions = Readonly<Record<string, Readonly<Record<string, string>>>>;
const serviceHost = "outbound/10.96.0.80:80";

test("what one replica has sent, the other does not send again", async () => {
  const [one, two] = set.all() as [Replica, Replica];
  await put(set.admin, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop" },
    spec: { clusterIP: "10.96.0.80", ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  } as KubernetesObject);
  const pod = await makePod(set.admin, "shop", "mover");
  await startPod(set.admin, "shop", "mover", "10.1.0.4");
  const token = await podToken(set.admin, { account: "mover", pod });
  const first = await versionsOf(await set.stream(one, token));
  assert.deepEqual(Object.keys(first[secretType] ?? {}).sort(), [trustBundleSecret, workloadSecret].sort());
  assert.ok(Object.keys(first[clusterType] ?? {}).length >= 4, JSON.stringify(first));
  assert.deepEqual(Object.keys(first[virtualHostType] ?? {}), [serviceHost]);
  assert.deepEqual(await versionsOf(await set.stream(two, token), first), {});
  // Both say the same, also to a proxy that comes with nothing.
  const { [secretType]: certificates, ...second } = await versionsOf(await set.stream(two, token));
  const { [secretType]: earlier, ...others } = first;
  assert.deepEqual(second, others);
  assert.equal(certificates?.[trustBundleSecret], earlier?.[trustBundleSecret]);
});

test("every replica answers for all, and names those that do not answer", async () => {
  const [one, two] = set.all() as [Replica, Replica];
  const endpoints = [one, two].map(({ address, pod }) => ({
    addresses: [address],
    targetRef: { kind: "Pod", namespace: systemNamespace, name: pod },
  }));
  const publish = (all: readonly object[]) =>
    put(set.admin, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: "heddle-1",
        namespace: systemNamespace,
        labels: { "kubernetes.io/service-name": "heddle" },
      },
      addressType: "IPv4",
      endpoints: all,
    } as KubernetesObject);
  await publish(endpoints);
  const pod = await makePod(set.admin, "shop", "asker");
  await startPod(set.admin, "shop", "asker", "10.1.0.5");
  const client = await set.stream(two, await podToken(set.admin, { account: "asker", pod }));
  await versionsOf(client);
  await until(async () => {
    const proxies = (await (await one.ask("/proxies")).json()) as readonly { readonly id: string }[];
    return proxies.some(({ id }) => id === "asker.shop");
  }, "the proxy of the other replica");
  await until(async () => {
    const answer = await one.ask("/acknowledgements");
    assert.equal(answer.headers.get("heddle-unanswered"), null);
    const counts = (await answer.json()) as readonly {
      readonly object: { readonly kind: string; readonly name: string };
      readonly acknowledged: number;
      readonly proxies: number;
    }[];
    const ofService = counts.find(({ object }) => object.kind === "Service" && object.name === "web");
    assert.ok(ofService !== undefined && ofService.proxies >= 2, JSON.stringify(counts));
    return ofService.acknowledged === ofService.proxies;
  }, "all acknowledgements");

  await publish([...endpoints, { addresses: ["198.18.250.250"], targetRef: { kind: "Pod", name: "gone" } }]);
  await until(
    async () => (await one.ask("/stat")).headers.get("heddle-unanswered") === "198.18.250.250",
    "the replica that is named",
  );
  await publish(endpoints);
});

test("a replica answers other replicas alone: no workload's certificate will do", async () => {
  const [replica] = set.all() as [Replica];
  const authority = authorityOf(await set.authority(), "test", { trustDomain: "cluster.local" });
  const workload = { namespace: "heddle-system", serviceAccount: "other", workload: "other" };
  const issued = {
    "": await authority.issueServer([controlPlaneHost], 3_600_000),
    workload: await authority.issueWorkload(workload, 3_600_000),
  };
  const ask = (certificate: IssuedCertificate | undefined) =>
    new Promise<number | string>((resolve) => {
      const sent = request({
        host: replica.address,
        port: replicasPort,
        path: "/proxies",
        servername: controlPlaneHost,
        ca: authority.rootPem,
        agent: false,
        ...(certificate && { cert: certificate.chainPem, key: certificate.keyPem.reveal() }),
      });
      sent.on("response", (response) => resolve(response.statusCode ?? 0));
      sent.on("error", () => resolve("cut off"));
      sent.end();
    });
  assert.equal(await ask(issued[""]), 200);
  assert.equal(await ask(issued.workload), "cut off");
  assert.equal(await ask(undefined), "cut off");
});

test("a replica that ends lets its proxies go one after the other, and they may come to the other at once", async () => {
  const old = await set.leader();
  const other = set.all().find((replica) => replica !== old) as Replica;
  const pod = await makePod(set.admin, "shop", "leaver");
  await startPod(set.admin, "shop", "leaver", "10.1.0.6");
  const token = await podToken(set.admin, { account: "leaver", pod });
  const clients = await Promise.all(Array.from({ length: 20 }, () => set.stream(old, token)));
  for (const client of clients) client.subscribe(listenerType, []);
  for (const client of clients) await client.next();
  const ends: number[] = [];
  const ended = set.end(old, "SIGTERM");
  const began = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      await until(() => client.ended() !== undefined, "the stream's end");
      ends.push(performance.now() - began);
    }),
  );
  assert.ok(Math.max(...ends) - Math.min(...ends) > 1_000, `they end together: ${ends.join(" ")}`);
  assert.ok(
    clients.every((client) => client.ended()?.code === status.OK),
    "an end is no failure",
  );
  assert.equal(await ended, 0);
  const moved = await set.stream(other, token);
  moved.subscribe(listenerType, []);
  assert.ok(Object.keys((await moved.next()).resources).length > 0);
});
