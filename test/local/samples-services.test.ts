// Istio's tasks with its samples httpbin, helloworld and tcp-echo: the files as Istio publishes them, nothing changed.
// What a task has in its text and not in a file is written here.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { gatewayHost, INGRESS } from "#test/samples/ingress.ts";
import { SAMPLE_APPS } from "#test/samples/istio.ts";
import { type Answer, eventually, type SampleMesh, startSamples } from "#test/samples/mesh.ts";

let samples: SampleMesh;

before(async () => {
  samples = await startSamples(
    "curl/curl.yaml",
    "httpbin/httpbin.yaml",
    "httpbin/sample-client/fortio-deploy.yaml",
    "helloworld/helloworld.yaml",
    "tcp-echo/tcp-echo-services.yaml",
  );
});
after(() => samples.close());

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);

/** `echo hi | nc HOST PORT`, so many times, in a pod. */
async function echoed(
  address: string,
  calls: number,
  from: { readonly target: string; readonly namespace?: string } = { target: "deploy/curl" },
): Promise<readonly string[]> {
  const [host = "", port = ""] = address.split(":");
  const command = ["node", join(SAMPLE_APPS, "lines.ts"), host, port, "hi", String(calls)];
  const { namespace } = from;
  const output = await samples.mesh.output(
    from.target,
    command,
    namespace === undefined ? {} : { namespace },
  );
  return output.trim().split("\n");
}

const outside = { target: "deploy/outside", namespace: "outside" };

function shareOf(answers: readonly string[], answer: string): number {
  return answers.filter((each) => each === answer).length / answers.length;
}

suite("the samples by themselves", () => {
  test("httpbin answers", async () => {
    const answers = await eventually(
      () => samples.curl(["http://httpbin:8000/{headers,status/418,delay/0,anything/x,html}"]),
      (all) => statuses(all).join() === "200,418,200,200,200",
    );
    assert.match(answers[0]?.body ?? "", /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/curl/);
    const [posted] = await samples.curl(["-d", "a=b", "http://httpbin:8000/post"]);
    assert.match(posted?.body ?? "", /"data":"a=b"/);
  });

  test("helloworld answers in both versions", async () => {
    const answers = await eventually(
      () => samples.curl(["http://helloworld:5000/hello?[1-20]"]),
      (all) => all.every(({ status }) => status === 200),
    );
    const versions = new Set(
      answers.map(({ body }) => /^Hello version: (v\d), instance: \S+/.exec(body)?.[1]),
    );
    assert.deepEqual(versions, new Set(["v1", "v2"]));
  });

  test("tcp-echo answers on both ports of its Service", async () => {
    for (const port of ["9000", "9001"])
      await eventually(
        async () => [...new Set(await echoed(`tcp-echo:${port}`, 12))].toSorted().join(),
        (answers) => answers === "one hi,two hi",
      );
  });

  test("and on one that no Service declares, by the pod's address", async () => {
    const [pod] = await samples.mesh.podsOf("tcp-echo-v1");
    assert.deepEqual(await echoed(`${pod?.ip}:9002`, 2), ["one hi", "one hi"]);
  });
});

suite("circuit breaking", () => {
  const load = async (connections: number, calls: number) => {
    const words = ["load", "-c", `${connections}`, "-qps", "0", "-n", `${calls}`, "-loglevel", "Warning"];
    const output = await samples.mesh.output(
      "deploy/fortio-deploy",
      ["node", "fortio.ts", ...words, "http://httpbin:8000/get"],
      { container: "fortio" },
    );
    return new Map(
      [...output.matchAll(/^Code (\d+) : (\d+)/gmu)].map(([, code, count]) => [Number(code), Number(count)]),
    );
  };

  before(async () => {
    assert.deepEqual(await load(3, 30), new Map([[200, 30]]));
    samples.apply(`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: httpbin
spec:
  host: httpbin
  trafficPolicy:
    connectionPool:
      tcp:
        maxConnections: 1
      http:
        http1MaxPendingRequests: 1
        maxRequestsPerConnection: 1
    outlierDetection:
      consecutive5xxErrors: 1
      interval: 1s
      baseEjectionTime: 3m
      maxEjectionPercent: 100
`);
  });
  after(() =>
    samples.delete(
      "kind: DestinationRule\napiVersion: networking.istio.io/v1\nmetadata: { name: httpbin }\n",
    ),
  );

  test("more connections than are allowed are answered with 503, and one is served", async () => {
    const codes = await eventually(
      () => load(6, 60),
      (found) => (found.get(503) ?? 0) > 0,
    );
    assert.deepEqual(new Set(codes.keys()), new Set([200, 503]));
    assert.equal((codes.get(200) ?? 0) + (codes.get(503) ?? 0), 60);
    assert.deepEqual(await load(1, 20), new Map([[200, 20]]));
  });
});

suite("mirroring", () => {
  const version = (name: string) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: mirrored-${name}
  namespace: default
spec:
  selector:
    matchLabels: { app: mirrored, version: ${name} }
  template:
    metadata:
      labels: { app: mirrored, version: ${name} }
    spec:
      containers:
        - name: httpbin
          image: docker.io/mccutchen/go-httpbin:v2.15.0
          ports:
            - containerPort: 8080
`;
  const route = (mirror: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: mirrored
spec:
  hosts: [mirrored]
  http:
    - route:
        - destination: { host: mirrored, subset: v1 }
          weight: 100
${mirror}`;

  before(async () => {
    samples.apply(
      version("v1"),
      version("v2"),
      `apiVersion: v1
kind: Service
metadata:
  name: mirrored
spec:
  selector: { app: mirrored }
  ports:
    - { name: http, port: 8000, targetPort: 8080 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: mirrored
spec:
  host: mirrored
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
`,
      route(""),
    );
    await samples.mesh.ready("mirrored-v1", "mirrored-v2");
  });

  /** How many requests of this path a version has seen. */
  async function seen(name: string, path: string): Promise<number> {
    const { stdout } = await samples.mesh.heddle("logs", `deploy/mirrored-${name}`, "-c", "httpbin");
    return stdout.split("\n").filter((line) => line.includes(`GET ${path} `)).length;
  }

  test("without a mirror v2 sees nothing", async () => {
    const answers = await eventually(
      () => samples.curl(["http://mirrored:8000/anything/before?[1-10]"]),
      (all) => all.every(({ status }) => status === 200),
    );
    assert.equal(answers.length, 10);
    assert.equal(await seen("v2", "/anything/before?1"), 0);
  });

  test("with one v2 sees what v1 answers", async () => {
    samples.apply(
      route(`      mirror: { host: mirrored, subset: v2 }
      mirrorPercentage: { value: 100 }
`),
    );
    await eventually(
      async () => {
        await samples.curl(["http://mirrored:8000/anything/first"]);
        return seen("v2", "/anything/first");
      },
      (count) => count > 0,
    );
    assert.deepEqual(
      new Set(statuses(await samples.curl(["http://mirrored:8000/anything/all?[1-20]"]))),
      new Set([200]),
    );
    await eventually(
      async () => [await seen("v1", "/anything/all?7"), await seen("v2", "/anything/all?7")].join(),
      (counts) => counts === "1,1",
    );
  });
});

suite("gateways of the Gateway API", () => {
  test("httpbin", async () => {
    samples.apply("httpbin/gateway-api/httpbin-gateway.yaml");
    await samples.mesh.ready("httpbin-gateway-heddle");
    await eventually(
      async () =>
        statuses(await samples.curlOutside([`http://${gatewayHost("httpbin-gateway")}/{get,status/418}`])),
      (found) => found.join() === "200,418",
    );
    samples.delete("httpbin/gateway-api/httpbin-gateway.yaml");
  });

  test("helloworld, split by weight", async () => {
    samples.apply(
      "helloworld/gateway-api/helloworld-versions.yaml",
      "helloworld/gateway-api/helloworld-gateway.yaml",
      "helloworld/gateway-api/helloworld-route.yaml",
    );
    await samples.mesh.ready("helloworld-gateway-heddle");
    const hello = () => samples.curlOutside([`http://${gatewayHost("helloworld-gateway")}/hello?[1-100]`]);
    const answers = await eventually(hello, (all) => all.every(({ status }) => status === 200));
    await eventually(
      () => samples.mesh.problems(),
      (problems) => problems.length === 0,
    );
    const second = answers.filter(({ body }) => body.includes("version: v2")).length;
    assert.ok(second > 0 && second < 25, `${second} of 100`);
    samples.delete(
      "helloworld/gateway-api/helloworld-versions.yaml",
      "helloworld/gateway-api/helloworld-gateway.yaml",
      "helloworld/gateway-api/helloworld-route.yaml",
    );
  });

  test("tcp-echo, first whole, then split by weight", async () => {
    samples.apply("tcp-echo/gateway-api/tcp-echo-all-v1.yaml");
    await samples.mesh.ready("tcp-echo-gateway-heddle");
    const address = `${gatewayHost("tcp-echo-gateway")}:31400`;
    await eventually(
      () => echoed(address, 10, outside),
      (answers) => shareOf(answers, "one hi") === 1,
    );
    samples.apply("tcp-echo/gateway-api/tcp-echo-20-v2.yaml");
    await eventually(
      () => echoed(address, 20, outside),
      (answers) => shareOf(answers, "two hi") > 0,
    );
    const answers = await echoed(address, 200, outside);
    // Five standard deviations.
    const share = shareOf(answers, "two hi");
    assert.ok(share > 0.06 && share < 0.34, `${share}`);
    assert.equal(shareOf(answers, "one hi") + share, 1);
    samples.delete("tcp-echo/gateway-api/tcp-echo-all-v1.yaml");
  });
});

suite("Istio's gateways", () => {
  before(() => samples.startIngress());

  test("httpbin for every host", async () => {
    samples.apply("httpbin/httpbin-gateway.yaml");
    await eventually(
      async () => statuses(await samples.curlOutside([`http://${INGRESS}/{headers,status/418,delay/0}`])),
      (found) => found.join() === "200,418,200",
    );
    samples.delete("httpbin/httpbin-gateway.yaml");
  });

  test("ingress: one host, and two of its paths", async () => {
    const documents = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: httpbin-gateway
spec:
  selector:
    istio: ingressgateway
  servers:
    - port: { number: 80, name: http, protocol: HTTP }
      hosts: [httpbin.example.com]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: httpbin
spec:
  hosts: [httpbin.example.com]
  gateways: [httpbin-gateway]
  http:
    - match:
        - uri: { prefix: /status }
        - uri: { prefix: /delay }
      route:
        - destination: { host: httpbin, port: { number: 8000 } }
`;
    samples.apply(documents);
    const asHost = ["-H", "Host: httpbin.example.com"];
    await eventually(
      async () =>
        statuses(await samples.curlOutside([...asHost, `http://${INGRESS}/{status/200,delay/0,headers}`])),
      (found) => found.join() === "200,200,404",
    );
    assert.deepEqual(statuses(await samples.curlOutside([`http://${INGRESS}/status/200`])), [404]);
    samples.delete(documents);
  });

  test("helloworld", async () => {
    samples.apply("helloworld/helloworld-gateway.yaml");
    const answers = await eventually(
      () => samples.curlOutside([`http://${INGRESS}/hello?[1-20]`]),
      (all) => all.every(({ status }) => status === 200),
    );
    const versions = new Set(answers.map(({ body }) => /version: (v\d)/.exec(body)?.[1]));
    assert.deepEqual(versions, new Set(["v1", "v2"]));
    samples.delete("helloworld/helloworld-gateway.yaml");
  });

  test("tcp-echo, first whole, then split by weight", async () => {
    samples.apply("tcp-echo/tcp-echo-all-v1.yaml");
    await eventually(
      () => echoed(`${INGRESS}:31400`, 10, outside),
      (answers) => shareOf(answers, "one hi") === 1,
    );
    samples.apply("tcp-echo/tcp-echo-20-v2.yaml");
    await eventually(
      () => echoed(`${INGRESS}:31400`, 20, outside),
      (answers) => shareOf(answers, "two hi") > 0,
    );
    const share = shareOf(await echoed(`${INGRESS}:31400`, 200, outside), "two hi");
    assert.ok(share > 0.06 && share < 0.34, `${share}`);
  });
});
