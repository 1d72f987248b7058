// Where the definitions of APIs are published: Go modules, fetched by Go into its cache.
import { spawnSync } from "node:child_process";

export const KUBERNETES = "k8s.io/kubernetes@v1.36.3";
export const GATEWAY_API = "sigs.k8s.io/gateway-api@v1.6.3";
export const ISTIO = "istio.io/api@v1.31.1";
/** In `ISTIO`: all of its custom resource definitions. */
export const ISTIO_DEFINITIONS = "kubernetes/customresourcedefinitions.gen.yaml";

/** Go waits for ever for a registry that does not answer. */
const FETCH_MS = 600_000;

/** The directory of a module. Needs Go, and the network the first time; throws with what Go says if it has none. */
export function moduleDirectory(module: string): string {
  const { stdout, error } = spawnSync("go", ["mod", "download", "-json", module], {
    encoding: "utf8",
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: FETCH_MS,
  });
  if (error !== undefined)
    throw new Error(`Go cannot fetch ${module}; is it installed, and does the registry answer?`, {
      cause: error,
    });
  // What went wrong is a part of the answer.
  const { Dir: directory, Error: reason } = JSON.parse(stdout) as {
    readonly Dir?: string;
    readonly Error?: string;
  };
  if (directory === undefined) throw new Error(`Go cannot fetch ${module}; try again: ${reason}`);
  return directory;
}
