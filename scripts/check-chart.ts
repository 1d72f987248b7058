// Compares the chart, as the Helm of the first argument renders it, with the manifests of the same settings.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { loadAll } from "js-yaml";

interface Case {
  readonly name: string;
  readonly manifests: readonly string[];
  readonly helm: readonly string[];
}

const gatewayApi = ["--api-versions", "gateway.networking.k8s.io/v1/GatewayClass"];
const policies = ["--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"];
const cases: readonly Case[] = [
  { name: "as it comes", manifests: [], helm: gatewayApi },
  { name: "without the Gateway API", manifests: ["--no-gateway-api"], helm: [] },
  {
    name: "injection by policy",
    manifests: ["--injection=policy"],
    helm: ["--set", "injection=policy", ...gatewayApi, ...policies],
  },
  {
    name: "every value",
    manifests: [
      "--injection=policy",
      "--replicas=3",
      "--termination-delay=20",
      "--trust-domain=mesh.example",
      "--control-plane-image=registry.example/control-plane@sha256:00ff",
      "--proxy-image=registry.example:5000/proxy:1",
      "--no-latency-aware",
    ],
    helm: [
      "--set",
      "injection=policy,replicas=3,terminationDelaySeconds=20,trustDomain=mesh.example,controlPlaneImage=registry.example/control-plane@sha256:00ff,proxyImage=registry.example:5000/proxy:1,latencyAware=false",
      ...gatewayApi,
      ...policies,
    ],
  },
];

const root = join(import.meta.dirname, "..");
const [helm = "helm"] = process.argv.slice(2);

for (const { name, manifests, helm: options } of cases) {
  const rendered = objects(
    run(helm, ["template", "heddle", "charts/heddle", "--kube-version", "1.36.0", ...options]),
  );
  const printed = objects(run(join(root, "bin", "heddle"), ["manifests", ...manifests]));
  assert.deepEqual([...rendered.keys()].sort(), [...printed.keys()].sort(), `the objects of: ${name}`);
  for (const [key, object] of printed) assert.deepEqual(rendered.get(key), object, `${key} of: ${name}`);
  console.log(`${name}: ${printed.size} objects, the same`);
}
assert.throws(
  () =>
    run(helm, [
      "template",
      "heddle",
      "charts/heddle",
      "--kube-version",
      "1.35.0",
      "--set",
      "injection=policy",
    ]),
  /the cluster has no MutatingAdmissionPolicy/,
);
console.log("injection by policy is refused where the cluster cannot do it");

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 2 ** 26,
  });
}

interface NamedObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function objects(text: string): ReadonlyMap<string, unknown> {
  const all = (loadAll(text) as readonly (NamedObject | undefined)[]).filter((each) => each !== undefined);
  const byName = new Map(
    all.map((object) => [
      `${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`,
      object,
    ]),
  );
  assert.equal(byName.size, all.length, "no object twice");
  return byName;
}
