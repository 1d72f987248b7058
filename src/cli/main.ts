// `heddle`: one file per command in commands/, each of which loads what it needs when it runs.
import { Command } from "commander";
import { register as registerCheck } from "./commands/check.ts";
import { register as registerDown } from "./commands/down.ts";
import { register as registerEndpoints } from "./commands/endpoints.ts";
import { register as registerExec } from "./commands/exec.ts";
import { register as registerInject } from "./commands/inject.ts";
import { register as registerInstall } from "./commands/install.ts";
import { register as registerLogs } from "./commands/logs.ts";
import { register as registerManifests } from "./commands/manifests.ts";
import { register as registerProxyConfig } from "./commands/proxy-config.ts";
import { register as registerPs } from "./commands/ps.ts";
import { register as registerStat } from "./commands/stat.ts";
import { register as registerStatus } from "./commands/status.ts";
import { register as registerUninstall } from "./commands/uninstall.ts";
import { register as registerUp } from "./commands/up.ts";
import { register as registerValidate } from "./commands/validate.ts";
import { packageVersion } from "./version.ts";

const program = new Command("heddle")
  .description("A service mesh for plain Kubernetes YAML: on a cluster, and on this machine.")
  .version(packageVersion)
  .showHelpAfterError("(heddle COMMAND --help tells more)")
  .enablePositionalOptions();

for (const register of [
  registerUp,
  registerDown,
  registerInstall,
  registerCheck,
  registerManifests,
  registerUninstall,
  registerPs,
  registerLogs,
  registerExec,
  registerStat,
  registerStatus,
  registerEndpoints,
  registerValidate,
  registerInject,
  registerProxyConfig,
])
  register(program);

// A reader that has had enough, such as head, is no error.
process.stdout.on("error", (error) => {
  if ("code" in error && error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  console.error(`heddle: ${error instanceof Error ? error.message : String(error)}`);
  if (process.env["HEDDLE_DEBUG"] !== undefined) console.error(error);
  process.exitCode = 1;
}
