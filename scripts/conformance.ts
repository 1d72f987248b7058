// `npm run conformance`: runs the Gateway API's conformance suite, its profiles for meshes, on the cluster of the tests
// with Heddle in it, and writes docs/conformance/report.yaml. Words choose single tests: `npm run conformance -- MeshBasic`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { holdCluster, startCluster } from "#test/helpers/cluster.ts";

/** What Heddle supports; the suite runs the tests that need no more than this. */
const features = [
  "Mesh",
  "HTTPRoute",
  "GRPCRoute",
  "MeshClusterIPMatching",
  "MeshConsumerRoute",
  "MeshHTTPRouteRewritePath",
  "MeshHTTPRouteSchemeRedirect",
  "MeshHTTPRouteRedirectPort",
  "MeshHTTPRouteRedirectPath",
  "MeshHTTPRouteBackendRequestHeaderModification",
  "MeshHTTPRouteQueryParamMatching",
  "MeshHTTPRouteNamedRouteRule",
  "HTTPRouteResponseHeaderModification",
  "HTTPRouteParentRefPort",
  "HTTPRoute303RedirectStatusCode",
  "HTTPRoute307RedirectStatusCode",
  "HTTPRoute308RedirectStatusCode",
];

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
const report = resolve("docs/conformance/report.yaml");
const [chosen] = process.argv.slice(2);

const stop = await holdCluster();
const cluster = await startCluster();
await cluster.define("gateway-api-standard");
const access = [
  "--kubeconfig",
  cluster.kubeconfig,
  ...(cluster.context ? ["--context", cluster.context] : []),
];
const installed = spawnSync("bin/heddle", ["install", ...access], { stdio: "inherit" });
if (installed.status !== 0) throw new Error("heddle install failed, see above");
mkdirSync("docs/conformance", { recursive: true });
const { status } = spawnSync(
  resolve("scripts/go.sh"),
  [
    "test",
    "-count=1",
    "-timeout=60m",
    "-v",
    ".",
    "-args",
    "--conformance-profiles=MESH-HTTP,MESH-GRPC",
    `--supported-features=${features.join(",")}`,
    "--namespace-labels=heddle.dev/inject=enabled",
    "--organization=heddle",
    "--project=heddle",
    "--url=https://heddle.dev",
    `--version=v${version}`,
    "--contact=https://heddle.dev",
    ...(chosen === undefined ? [`--report-output=${report}`] : [`--run-test=${chosen}`]),
  ],
  {
    cwd: "test/conformance",
    stdio: "inherit",
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
  },
);
await stop();
process.exitCode = status ?? 1;
