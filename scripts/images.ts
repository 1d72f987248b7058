// Builds Heddle's images without a daemon, as their Dockerfiles in images/ say.
//   npm run images -- save FILE     all of them in one archive, for `docker load`, `kind load image-archive`, `ctr images import`
//   npm run images -- load CLUSTER  into a test cluster (test/cluster/kubernetes), those that have changed
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildAll } from "./build.ts";
import { readDockerfile } from "./images/dockerfile.ts";
import { buildDescribed, buildImage, forgetOldLayers, type Image, writeArchive } from "./images/image.ts";
import { buildSampleImages } from "./images/samples.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };

/** The directories in images/, and the names of what is made of them. */
const names: Readonly<Record<string, readonly string[]>> = {
  "control-plane": [
    `mesh.local/heddle-control-plane:${version}`,
    `docker.io/heddle/control-plane:${version}`,
  ],
  proxy: [`mesh.local/heddle-proxy:${version}`, `docker.io/heddle/proxy:${version}`],
  test: ["mesh.local/test:1"],
  // As the manifests of the conformance suite name it.
  "echo-advanced": ["registry.k8s.io/gateway-api/echo-advanced:v1.5.1"],
};

/** What the proxy's image is made from, for tests of an Envoy without the balancer. */
function buildStockProxy(): Promise<Image> {
  const proxy = readDockerfile("images/proxy/Dockerfile");
  const steps = proxy.steps.filter((step) => step.kind === "from");
  const images = steps.map(({ image }) => image);
  return buildDescribed({ ...proxy, steps }, images);
}

async function buildImages(): Promise<readonly Image[]> {
  await buildAll();
  const built: Image[] = [];
  // One after the other: they share layers.
  for (const [directory, tags] of Object.entries(names))
    built.push(await buildImage(`images/${directory}/Dockerfile`, tags));
  built.push(await buildStockProxy(), ...(await buildSampleImages()));
  forgetOldLayers();
  return built;
}

/** A cluster remembers in `images/` of its directory what it has. */
function load(cluster: string, images: readonly Image[]): void {
  const known = `/tmp/heddle-cluster-${cluster}/images`;
  mkdirSync(known, { recursive: true });
  const changed = images.filter(({ id }) => !existsSync(join(known, id)));
  if (changed.length === 0) return;
  const archive = join(known, "archive.tar");
  writeArchive(changed, archive);
  execFileSync("test/cluster/kubernetes/cluster.sh", ["load", cluster, archive], { stdio: "inherit" });
  rmSync(archive);
  for (const { id } of changed) writeFileSync(join(known, id), "");
}

const [action, target] = process.argv.slice(2);
if (target === undefined || (action !== "save" && action !== "load")) {
  console.error("usage: npm run images -- save FILE | load CLUSTER");
  process.exit(2);
}
const images = await buildImages();
if (action === "save") writeArchive(images, target);
else load(target, images);
