// What the other tests here rely on: the cluster is a real one.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import type { KubernetesObject } from "#model/object.ts";
import { type Cluster, startCluster } from "#test/helpers/cluster.ts";
import { until } from "#test/helpers/wait.ts";

let cluster: Cluster;
let namespace: string;

before(async () => {
  cluster = await startCluster();
  namespace = await cluster.createNamespace("cluster");
  await cluster.apply([web, service, client, job]);
  await cluster.rolledOut(namespace, "deployment/web");
  await cluster.kubectl(["wait", "-n", namespace, "pod/client", "--for=condition=Ready", "--timeout=180s"]);
});
after(() => cluster.deleteNamespace(namespace));

const metadata = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  name,
  labels,
  get namespace() {
    return namespace;
  },
});
const container = (name: string, ...command: readonly string[]) => ({
  name,
  image: "mesh.local/test:1",
  imagePullPolicy: "IfNotPresent",
  command,
});
const object = (apiVersion: string, kind: string, meta: object, content: object) =>
  ({ apiVersion, kind, metadata: meta, ...content }) as unknown as KubernetesObject;

const web = object("apps/v1", "Deployment", metadata("web"), {
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            ...container("web", "node", "/apps/echo.js", "--http", "8080"),
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
});
const service = object("v1", "Service", metadata("web"), {
  spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
});
const client = object("v1", "Pod", metadata("client"), {
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        ...container("client", "sleep", "infinity"),
        volumeMounts: [{ name: "token", mountPath: "/token", readOnly: true }],
      },
    ],
    volumes: [
      {
        name: "token",
        projected: { sources: [{ serviceAccountToken: { audience: "heddle", path: "token" } }] },
      },
    ],
  },
});
const job = object("batch/v1", "Job", metadata("job"), {
  spec: {
    backoffLimit: 0,
    template: {
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 1,
        initContainers: [{ ...container("sidecar", "sleep", "infinity"), restartPolicy: "Always" }],
        containers: [container("main", "true")],
      },
    },
  },
});

const inClient = (...command: readonly string[]) => cluster.execInPod(namespace, "client", command);

test("the pods of a Service are reached by its name, each of them", async () => {
  const seen = new Set<string>();
  await until(async () => {
    // Until the node knows both pods, the Service may refuse.
    const url = `http://web.${namespace}.svc.cluster.local/hello`;
    const answer = await inClient("node", "/apps/call.js", url).catch(() => undefined);
    if (answer !== undefined) seen.add((JSON.parse(answer) as { json: { name: string } }).json.name);
    return seen.size === 2;
  }, "answers of both pods");
  const unknown = await cluster.tryKubectl([
    "exec",
    "-n",
    namespace,
    "client",
    "--",
    "curl",
    "-sS",
    "web.example.com",
  ]);
  assert.match(unknown.stderr, /Could not resolve host/);
});

test("a projected token has the audience that was asked for", async () => {
  const payload = (await inClient("cat", "/token/token")).split(".")[1] ?? "";
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as { aud: string[]; sub: string };
  assert.deepEqual(claims.aud, ["heddle"]);
  assert.equal(claims.sub, `system:serviceaccount:${namespace}:default`);
});

test("a Job with a native sidecar completes", async () => {
  await cluster.kubectl(["wait", "-n", namespace, "job/job", "--for=condition=Complete", "--timeout=180s"]);
});

test("commands in a pod get their input, and their code is seen", async () => {
  assert.equal(await cluster.execInPod(namespace, "client", ["cat"], { input: "spoken" }), "spoken");
  await assert.rejects(inClient("sh", "-c", "echo no >&2; exit 3"), /no/);
});

test("a pod is reached from here through a forwarded port", async () => {
  const forwarding = await cluster.portForward(namespace, "deployment/web", 8080);
  const answer = await fetch(`http://127.0.0.1:${forwarding.port}/forwarded`);
  assert.equal(((await answer.json()) as { path: string }).path, "/forwarded");
  forwarding.close();
});

test("the image of the control plane starts its program and has nft, without rights", async () => {
  const image = {
    name: "it",
    image: "mesh.local/heddle-control-plane:0.1.0",
    imagePullPolicy: "IfNotPresent",
  };
  const securityContext = {
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
  };
  const pod = (name: string, extra: object) =>
    object("v1", "Pod", metadata(name), {
      spec: { restartPolicy: "Never", containers: [{ ...image, securityContext, ...extra }] },
    });
  const proxy = {
    image: "mesh.local/heddle-proxy:0.1.0",
    command: ["envoy"],
    args: ["--version"],
  };
  await cluster.apply([
    pod("nft", { command: ["nft"], args: ["--version"] }),
    pod("program", {}),
    pod("proxy", proxy),
  ]);
  const said = async (name: string): Promise<string> => {
    let text = "";
    await until(async () => {
      // There is no log before the container has started.
      text = await cluster.logs(namespace, name).catch(() => "");
      return text.includes("\n");
    }, `the first words of ${name}`);
    return text;
  };
  assert.match(await said("nft"), /nftables v/);
  assert.match(await said("proxy"), /1\.40\.0/);
  assert.doesNotMatch(await said("program"), /SyntaxError|ERR_MODULE|ENOENT|is not defined/);
});

test("an API server that is killed comes back with all that it had", async () => {
  await cluster.signal("kube-apiserver", "KILL");
  await until(
    async () => (await cluster.tryKubectl(["get", "deployment/web", "-n", namespace])).code === 0,
    "the API server",
  );
});

test("a MutatingAdmissionPolicy changes pods", async () => {
  const policy = object(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicy",
    { name: namespace },
    {
      spec: {
        failurePolicy: "Fail",
        reinvocationPolicy: "IfNeeded",
        matchConstraints: {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          resourceRules: [
            { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
          ],
        },
        mutations: [
          {
            patchType: "ApplyConfiguration",
            applyConfiguration: {
              expression: 'Object{metadata: Object.metadata{annotations: {"by-policy": "yes"}}}',
            },
          },
        ],
      },
    },
  );
  const binding = object(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicyBinding",
    { name: namespace },
    {
      spec: { policyName: namespace },
    },
  );
  try {
    await cluster.apply([policy, binding]);
    await until(async () => {
      const pod = [
        "run",
        "policed",
        "-n",
        namespace,
        "--image=mesh.local/test:1",
        "--dry-run=server",
        "-o",
        "json",
      ];
      return (await cluster.kubectl(pod)).includes('"by-policy": "yes"');
    }, "the policy to be in force");
  } finally {
    for (const kind of ["mutatingadmissionpolicybinding", "mutatingadmissionpolicy"])
      await cluster.kubectl(["delete", kind, namespace, "--ignore-not-found"]);
  }
});

test("this process dials Services, and listens where the API server calls", async () => {
  const network = await cluster.nodeNetwork();
  const { spec } = await cluster.get<{ spec: { clusterIP: string } }>("service", "web", namespace);
  const socket = await network.connect(spec.clusterIP, 80);
  socket.write("GET /from-the-node HTTP/1.0\r\n\r\n");
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  assert.match(answer, /from-the-node/);
  const server = await network.listen(9443);
  const called = once(server, "connection");
  await cluster.inNode(["curl", "-s", "-m", "1", "http://127.0.0.1:9443/"]).catch(() => undefined);
  (await called)[0].destroy();
  server.close();
  await network.close();
});
