// Rewrites the custom resource definitions beside it from the Go modules that publish them (Apache-2.0, see README.md):
// `node test/cluster/kubernetes/crds/update.ts`. Needs Go and the network.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { GATEWAY_API, ISTIO, ISTIO_DEFINITIONS, moduleDirectory } from "#sources/schema/published.ts";

function write(name: string, documents: readonly string[]): void {
  const text = documents.join("\n---\n");
  writeFileSync(join(import.meta.dirname, `${name}.yaml.gz`), gzipSync(text, { level: 9 }));
}

for (const channel of ["standard", "experimental"]) {
  const directory = join(moduleDirectory(GATEWAY_API), "config/crd", channel);
  const files = readdirSync(directory).filter((name) => name.startsWith("gateway."));
  write(
    `gateway-api-${channel}`,
    files.map((name) => readFileSync(join(directory, name), "utf8")),
  );
}
write("istio", [readFileSync(join(moduleDirectory(ISTIO), ISTIO_DEFINITIONS), "utf8")]);
