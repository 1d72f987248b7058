// Where the definitions of APIs are published: Go modules, fetched by Go into its cache.
import { execFileSync } from "node:child_process";

export const KUBERNETES = "k8s.io/kubernetes@v1.36.3";
export const GATEWAY_API = "sigs.k8s.io/gateway-api@v1.6.3";
export const ISTIO = "istio.io/api@v1.31.1";
/** In `ISTIO`: all of its custom resource definitions. */
export const ISTIO_DEFINITIONS = "kubernetes/customresourcedefinitions.gen.yaml";

/** The directory of a module. Needs Go, and the network the first time. */
export function moduleDirectory(module: string): string {
  const output = execFileSync("go", ["mod", "download", "-json", module], { encoding: "utf8", cwd: "/" });
  return (JSON.parse(output) as { Dir: string }).Dir;
}
