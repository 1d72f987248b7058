// Istio's samples on Kubernetes: its files, applied as its documentation says.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Cluster } from "#test/helpers/cluster.ts";
import { type Installation, startInstallation } from "#test/helpers/installation.ts";
import { until } from "#test/helpers/wait.ts";
import { INGRESS, INGRESS_WORKLOAD, ingressGateway } from "#test/samples/ingress.ts";
import { samplePath } from "#test/samples/istio.ts";

const PAGE = "http://productpage:9080/productpage";
const REVIEWS = "http://productpage:9080/api/v1/products/0/reviews";

let heddle: Installation;
let cluster: Cluster;
let namespace: string;

const networking = (name: string) => `bookinfo/networking/${name}.yaml`;

async function apply(...files: readonly string[]): Promise<void> {
  for (const file of files) await cluster.kubectl(["apply", "-n", namespace, "-f", samplePath(file)]);
}

const curl = (...args: readonly string[]) =>
  cluster.execInPod(namespace, "deployment/curl", ["curl", "-s", ...args], { container: "curl" });

before(async () => {
  heddle = await startInstallation();
  cluster = heddle.cluster;
  namespace = await cluster.createNamespace("samples", { "istio-injection": "enabled" });
  await apply(
    "bookinfo/platform/kube/bookinfo.yaml",
    "curl/curl.yaml",
    "httpbin/httpbin.yaml",
    "helloworld/helloworld.yaml",
    "tcp-echo/tcp-echo-services.yaml",
  );
  const deployments = await cluster.kubectl(["get", "deployments", "-n", namespace, "-o", "name"]);
  for (const deployment of deployments.trim().split("\n")) await cluster.rolledOut(namespace, deployment);
});
after(async () => {
  await cluster.deleteNamespace(namespace);
  await heddle.leave();
});

/** Waits until the stars of the reviews are of these colours and no others. */
async function shown(colors: string, ...args: readonly string[]): Promise<void> {
  const ask = async () => {
    const answers = (await curl(...args, `${REVIEWS}?[1-20]`)).trim().split("\n");
    const kinds = answers.map((answer) => /"color":"(\w+)"/u.exec(answer)?.[1] ?? "none");
    return [...new Set(kinds)].toSorted((a, b) => a.localeCompare(b)).join();
  };
  await until(async () => (await ask()) === colors, `stars: ${colors}`);
}

test("the page of Bookinfo is there, with reviews of all versions", async () => {
  await shown("black,none,red");
  assert.match(await curl(PAGE), /<title>Simple Bookstore App<\/title>/);
});

test("httpbin, helloworld and tcp-echo answer", async () => {
  assert.match(await curl("http://httpbin:8000/headers"), /sa\/curl/);
  assert.match(await curl("http://helloworld:5000/hello"), /^Hello version: v[12], instance: helloworld-v/);
  // As Istio's documentation has it, with a second for the answer.
  const command = ["sh", "-c", "(echo hi; sleep 1) | nc tcp-echo 9000"];
  const echo = () => cluster.execInPod(namespace, "deployment/curl", command, { container: "curl" });
  await until(async () => /^(one|two) hi$/m.test(await echo()), "the echo");
});

test("request routing: all to v1, jason to v2", async () => {
  await apply(networking("destination-rule-all"), networking("virtual-service-all-v1"));
  await shown("none");
  await apply(networking("virtual-service-reviews-test-v2"));
  await shown("black", "-b", `session=${Buffer.from("jason").toString("base64url")}`);
  await shown("none");
});

test("traffic shifting: half, then all to v3", async () => {
  await apply(networking("virtual-service-reviews-50-v3"));
  await shown("none,red");
  await apply(networking("virtual-service-reviews-v3"));
  await shown("red");
});

test("Istio's gateways: the manifests of its documentation run one, its samples are served by it", async () => {
  const ingress = "istio-system";
  await cluster.kubectl(["create", "namespace", ingress]);
  try {
    const list = { apiVersion: "v1", kind: "List", items: ingressGateway };
    await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(list));
    await apply("helloworld/helloworld-gateway.yaml", "bookinfo/networking/bookinfo-gateway.yaml");
    await cluster.rolledOut(ingress, `deployment/${INGRESS_WORKLOAD}`);
    const hello = () => curl(`http://${INGRESS}/hello`).catch(() => "");
    await until(async () => (await hello()).startsWith("Hello version"), "helloworld");
    const status = await curl("-o", "/dev/null", "-w", "%{http_code}", `http://${INGRESS}/nothing`);
    assert.equal(status, "404");
    const gateway = await cluster.kubectl([
      "get",
      "gateways.networking.istio.io",
      "helloworld-gateway",
      "-n",
      namespace,
      "-o",
      'jsonpath={.status.conditions[?(@.type=="Accepted")].status}',
    ]);
    assert.equal(gateway, "True");
  } finally {
    await cluster.deleteNamespace(ingress);
  }
});
