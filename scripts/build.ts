// `npm run build`: bundles Heddle's programs into dist/, and lays out in dist/images/ what the images of images/ copy.
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

/** CommonJS in a bundle asks for Node's own modules by a `require` that modules lack. */
const REQUIRE =
  'import { createRequire as heddleCreateRequire } from "node:module"; const require = heddleCreateRequire(import.meta.url);';

async function bundle(outdir: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await build({
    entryPoints: { ...programs },
    outdir,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    // What is loaded when it is needed stays apart, so that programs start quickly.
    splitting: true,
    banner: { js: REQUIRE },
    logLevel: "warning",
  });
  writeFileSync(`${outdir}/package.json`, '{ "type": "module" }\n');
}

/** The control plane for Kubernetes, as one file, and the schemas that it reads from beside itself. */
async function bundleControlPlane(outdir: string): Promise<void> {
  
  await bundle(outdir, { "main-kubernetes": "src/main-kubernetes.ts" });
  cpSync("src/sources/schema/gen", `${outdir}/gen`, { recursive: true });
}

/** Everything that is built. Takes half a second. */
export async function buildAll(): Promise<void> {
  rmSync("dist", { recursive: true, force: true });
  await bundleControlPlane("dist");
  await bundle("dist", { heddle: "src/cli/main.ts" });
  await bundleControlPlane("dist/images/control-plane/heddle");
  await bundle("dist/images/test/apps", {
    echo: "test/local/apps/echo.ts",
    call: "test/local/apps/call.ts",
  });
}

if (import.meta.main) await buildAll();
