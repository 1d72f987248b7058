import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiResource, type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import { deployment } from "./control-plane.ts";
import { preflight } from "./preflight.ts";
import { defaultSettings } from "./settings.ts";

interface FakeCluster {
  readonly minor?: string;
  readonly missingKinds?: readonly string[];
  /** Resources that the user may not write. */
  readonly forbidden?: readonly string[];
  readonly mayGrant?: boolean;
  readonly installedTrustDomain?: string;
}

/** An API server of a few answers, which fails the test when something is changed. */
function fakeClient(cluster: FakeCluster): KubernetesClient {
  const { minor = "36", missingKinds = [], forbidden = [], mayGrant = true, installedTrustDomain } = cluster;
  const answer = (method: string, path: string, body: unknown): unknown => {
    if (path === "/version") return { major: "1", minor, gitVersion: `v1.${minor}.0` };
    if (path.includes("/deployments/")) {
      if (installedTrustDomain === undefined) throw new KubernetesError(404, "NotFound", "there is none");
      return deployment({ ...defaultSettings("0.0.9"), trustDomain: installedTrustDomain });
    }
    if (path.endsWith("/selfsubjectaccessreviews")) {
      const { spec } = body as {
        readonly spec: { readonly resourceAttributes: { readonly resource: string } };
      };
      return { status: { allowed: !forbidden.includes(spec.resourceAttributes.resource) } };
    }
    throw new Error(`${method} ${path} was not expected`);
  };
  return {
    namespace: "default",
    request: async <T>(method: string, path: string, options?: { readonly body?: unknown }) =>
      answer(method, path, options?.body) as T,
    resourceOf: async (apiVersion, kind): Promise<ApiResource | undefined> => {
      if (missingKinds.includes(kind)) return undefined;
      const [version = "", group = ""] = apiVersion.split("/").toReversed();
      return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced: true };
    },
    apply: async (object, options) => {
      assert.equal(options.dryRun, true, "nothing is changed");
      if (mayGrant) return object;
      throw new KubernetesError(
        403,
        "Forbidden",
        "attempting to grant RBAC permissions not currently held:\n{…}",
      );
    },
    watch: () => assert.fail("nothing is watched"),
    portForward: () => assert.fail("nothing is forwarded"),
  };
}

const settings = defaultSettings("0.1.0");

test("a cluster that has all and a user who may all have no problems", async () => {
  assert.deepEqual(await preflight(fakeClient({ minor: "29+" }), settings), {
    server: { major: 1, minor: 29, text: "v1.29+.0" },
    gatewayApi: true,
    problems: [],
  });
});

test("an installation that is there is told, and a missing Gateway API is no problem", async () => {
  const client = fakeClient({ installedTrustDomain: "cluster.local", missingKinds: ["GatewayClass"] });
  const { upgradeFrom, gatewayApi, problems } = await preflight(client, settings);
  assert.deepEqual(
    { upgradeFrom, gatewayApi, problems },
    { upgradeFrom: "0.0.9", gatewayApi: false, problems: [] },
  );
});

const refusals: readonly (readonly [string, FakeCluster, RegExp])[] = [
  ["an old cluster", { minor: "28" }, /runs Kubernetes v1\.28\.0; Heddle needs 1\.29 or later/],
  [
    "policies where there are none",
    { minor: "35", missingKinds: ["MutatingAdmissionPolicy"] },
    /without MutatingAdmissionPolicy v1 .*--injection=webhook/,
  ],
  [
    "another trust domain",
    { installedTrustDomain: "mesh.example" },
    /trust domain mesh\.example, and not cluster\.local: add --trust-domain mesh\.example/,
  ],
  [
    "a user without rights",
    { forbidden: ["deployments"] },
    /you may not get deployments\.apps in the namespace/,
  ],
  ["a user who may not grant rights", { mayGrant: false }, /may not grant the control plane its rights/],
];

for (const [name, cluster, message] of refusals) {
  test(`an installation is refused before anything is changed: ${name}`, async () => {
    const { problems } = await preflight(fakeClient(cluster), { ...settings, injection: "policy" });
    assert.ok(problems.length > 0);
    assert.match(problems[0]?.message ?? "", message);
  });
}
