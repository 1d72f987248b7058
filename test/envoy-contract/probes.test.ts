/**
 * Probes as the injector rewrites them, answered by the real Envoy: with the sidecar's own selection of statistics,
 * which the health check filter reads.
 */
import assert from "node:assert/strict";
import http from "node:http";
import type net from "node:net";
import { after, before, test } from "node:test";
import { toJson } from "@bufbuild/protobuf";
import { ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { healthListenerView } from "#compile/inbound/health.ts";
import { healthListener, probeClusters } from "#envoy/listeners/health.ts";
import { bootstrap, maxHeapBytes } from "#injector/bootstrap.ts";
import { injectSidecar } from "#injector/inject.ts";
import { defaultInjectionSettings } from "#injector/settings.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { type Envoy, startEnvoy } from "#test/helpers/envoy.ts";
import { registry } from "#test/helpers/envoy-json.ts";
import { createNamespace, type Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    containers: [
      {
        name: "web",
        readinessProbe: { httpGet: { path: "/healthz?full=1", port: 8080 } },
        livenessProbe: { tcpSocket: { port: 8081 } },
      },
    ],
  },
  status: { podIP: "127.0.0.2" },
};

let namespace: Namespace;
let envoy: Envoy | undefined;

before(async () => {
  namespace = await createNamespace();
  const injected = injectSidecar(pod, defaultInjectionSettings);
  assert.ok(injected.kind === "injected");
  const view = healthListenerView(injected.pod);
  assert.ok(view);
  const { stats_config } = bootstrap(defaultInjectionSettings, maxHeapBytes("256Mi")) as {
    readonly stats_config: object;
  };
  envoy = await startEnvoy(
    {
      stats_config,
      static_resources: {
        listeners: [toJson(ListenerSchema, healthListener(view.probes), { registry })],
        clusters: probeClusters(view).map((cluster) => toJson(ClusterSchema, cluster, { registry })),
      },
    },
    { namespace },
  );
  // The statistics that tell whether a listener works are not among the sidecar's.
  const isReady = () =>
    probe("/ready").then(
      (status) => status === 200,
      () => false,
    );
  await until(isReady, "the listener");
});

after(async () => {
  await envoy?.stop();
  await namespace.close();
});

test("an HTTP probe is answered by the application, at the path and with the query that it was written with", async () => {
  assert.equal(await probe("/http/8080/healthz?full=1"), 503);
  const asked: string[] = [];
  const application = http.createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(204).end();
  });
  application.listen(await namespace.listen(8080, "127.0.0.2"));
  assert.equal(await probe("/http/8080/healthz?full=1"), 204);
  assert.deepEqual(asked, ["/healthz?full=1"]);
  application.close();
});

test("a TCP probe says whether somebody listens, and notices when it changes", async () => {
  await until(() => tcpProbeIs(503), "the probe to fail");
  const application: net.Server = await namespace.listen(8081, "127.0.0.2");
  await until(() => tcpProbeIs(200), "the probe to succeed");
  application.close();
  await until(() => tcpProbeIs(503), "the probe to fail");
});

test("what no probe asks for is not answered", async () => {
  for (const path of ["/http/8080/other", "/http/9090/healthz", "/tcp/9090", "/"]) {
    assert.equal(await probe(path), 404, path);
  }
  assert.equal(await probe("/ready"), 200);
});

async function tcpProbeIs(status: number): Promise<boolean> {
  return (await probe("/tcp/8081")) === status;
}

async function probe(path: string): Promise<number> {
  const socket = await namespace.connect("127.0.0.1", 15_021);
  return new Promise((resolve, reject) => {
    http
      .get({ path, createConnection: () => socket }, (response) => resolve(response.resume().statusCode ?? 0))
      .on("error", reject);
  });
}
