// `npm run build -- [x64] [arm64]`: bundles Heddle's programs into dist/, and lays out in dist/images/ what the images of
// images/ copy; the balancer for the named kinds of machines, by default this one (scripts/balancer.ts).
import { chmodSync, cpSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { balancerPath } from "#model/balancer.ts";
import { writeBalancer } from "./balancer.ts";
import { dockerArchitecture } from "./images/dockerfile.ts";

/** CommonJS in a bundle asks for Node's own modules by a `require` that modules lack. */
const REQUIRE =
  'import { createRequire as heddleCreateRequire } from "node:module"; const require = heddleCreateRequire(import.meta.url);';

async function bundle(outdir: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await build({
    entryPoints: { ...programs },
    outdir,
    bundle: true,
    // Commands load what they need when they run, and programs share the rest.
    splitting: true,
    // No module is the program any more.
    define: { "import.meta.main": "false" },
    platform: "node",
    target: "node24",
    format: "esm",
    banner: { js: REQUIRE },
    logLevel: "warning",
  });
  writeFileSync(`${outdir}/package.json`, '{ "type": "module" }\n');
}

/** Programs of src/, with the schemas that they read from beside themselves. */
async function bundleHeddle(outdir: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await bundle(outdir, programs);
  cpSync("src/sources/schema/gen", `${outdir}/gen`, { recursive: true });
}

/** The stand-in for the conformance suite's application; what the suite executes in it has the name `client`. */
async function bundleConformance(outdir: string): Promise<void> {
  await bundle(`${outdir}/apps`, { server: "test/conformance/echo/server.ts" });
  const client = `${outdir}/usr/local/bin/client`;
  await build({
    entryPoints: ["test/conformance/echo/client.ts"],
    outfile: client,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    banner: { js: "#!/usr/local/bin/node" },
    logLevel: "warning",
  });
  chmodSync(client, 0o755);
}

/** Everything that is built. Takes half a second, but for the balancer, which is kept. */
export async function buildAll(machines: readonly string[] = [process.arch]): Promise<void> {
  rmSync("dist", { recursive: true, force: true });
  const controlPlane = { "main-kubernetes": "src/main-kubernetes.ts" };
  await bundleHeddle("dist", {
    ...controlPlane,
    heddle: "src/cli/main.ts",
    // What it starts: src/runtime/program.ts.
    get: "src/cli/get.ts",
    main: "src/main.ts",
    "supervisor-main": "src/local/supervisor-main.ts",
    "listen-on-host": "src/local/gateways/listen-on-host.ts",
    "names-main": "src/local/outside/names-main.ts",
  });
  await bundleHeddle("dist/images/control-plane/heddle", controlPlane);
  await bundle("dist/images/test/apps", {
    echo: "test/local/apps/echo.ts",
    call: "test/local/apps/call.ts",
    ledger: "test/local/apps/ledger.ts",
    load: "test/local/apps/load.ts",
    probed: "test/local/apps/probed.ts",
  });
  await bundleConformance("dist/images/echo-advanced");
  for (const machine of machines)
    await writeBalancer(`dist/images/proxy/${dockerArchitecture(machine)}${balancerPath}`, machine);
}

if (import.meta.main) {
  const named = process.argv.slice(2);
  await buildAll(named.length === 0 ? undefined : named);
}
