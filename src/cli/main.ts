// `heddle`: one file per command in commands/, each of which loads what it needs when it runs.
import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { register as registerDown } from "./commands/down.ts";
import { register as registerExec } from "./commands/exec.ts";
import { register as registerInject } from "./commands/inject.ts";
import { register as registerLogs } from "./commands/logs.ts";
import { register as registerProxyConfig } from "./commands/proxy-config.ts";
import { register as registerPs } from "./commands/ps.ts";
import { register as registerStat } from "./commands/stat.ts";
import { register as registerUp } from "./commands/up.ts";
import { register as registerValidate } from "./commands/validate.ts";

const program = new Command("heddle")
  .description("A service mesh for plain Kubernetes YAML, on this machine.")
  .version(packageJson.version)
  .showHelpAfterError("(heddle COMMAND --help tells more)")
  .enablePositionalOptions();

for (const register of [
  registerUp,
  registerDown,
  registerPs,
  registerLogs,
  registerExec,
  registerStat,
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
