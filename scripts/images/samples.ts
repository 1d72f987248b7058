// The images of Istio's samples for the cluster of the tests: what test/samples/heddle-images.yaml says of them is what
// runs on one machine, too.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { findStandIn, type ImageStandIn } from "#model/image-stand-in.ts";
import { parseImageFile } from "#sources/directory/image-file.ts";
import { readDockerfile } from "./dockerfile.ts";
import { buildDescribed, type Image } from "./image.ts";

const FILE = "test/samples/heddle-images.yaml";
const BASE = "images/test/Dockerfile";

const bookinfo = (service: string) => `registry.istio.io/release/examples-bookinfo-${service}:1.20.3`;

/** As the manifests name them, without those that are always pulled. */
export const SAMPLE_IMAGE_NAMES: readonly string[] = [
  ...["productpage-v1", "details-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"].map(bookinfo),
  "registry.istio.io/release/examples-helloworld-v1:1.0",
  "registry.istio.io/release/examples-helloworld-v2:1.0",
  "registry.istio.io/release/tcp-echo-server:1.3",
  "docker.io/mccutchen/go-httpbin:v2.15.0",
  "docker.io/curlimages/curl:8.16.0",
];

/** Builds them on what images for tests stand on. */
export async function buildSampleImages(): Promise<readonly Image[]> {
  const { standIns } = parseImageFile(FILE, readFileSync(FILE, "utf8"), undefined);
  const built: Image[] = [];
  for (const name of SAMPLE_IMAGE_NAMES) {
    const standIn = findStandIn(name, standIns);
    if (standIn === undefined) throw new Error(`nothing stands in for ${name} in ${FILE}`);
    built.push(await buildStandIn(standIn, name));
  }
  return built;
}

function buildStandIn(standIn: ImageStandIn, name: string): Promise<Image> {
  const { steps } = readDockerfile(BASE);
  const programs = steps.filter(({ kind }) => kind !== "copy");
  return buildDescribed(
    {
      steps: [...programs, { kind: "copy", source: relative(".", standIn.workingDir), target: WORKDIR }],
      user: "",
      entrypoint: standIn.entrypoint ?? [],
      command: standIn.cmd ?? [],
      environment: standIn.env ?? {},
      workingDirectory: WORKDIR,
    },
    [name],
  );
}

const WORKDIR = "/samples";
