import type { Command } from "commander";
import { stateOption } from "../state-option.ts";

/** `heddle down`: ends a mesh and removes all of it. */
export function register(program: Command): void {
  program
    .command("down")
    .description("stop a mesh and remove everything of it, also after a crash")
    .addOption(stateOption())
    .addHelpText(
      "after",
      `
Its certificate authority, service addresses and logs stay in the state directory for the next heddle up.

Examples:
  heddle down
  heddle down --state /tmp/try`,
    )
    .action(down);
}

async function down(options: { readonly state: string }): Promise<void> {
  const [{ existsSync }, { stateDirectory }, { takeDown }, { hasLeftovers, sweep }, { missingRequirement }] =
    await Promise.all([
      import("node:fs"),
      import("#local/state-directory.ts"),
      import("#local/launcher.ts"),
      import("#local/sweep.ts"),
      import("#local/requirements.ts"),
    ]);
  const missing = missingRequirement();
  if (missing !== undefined) throw new Error(missing);
  const state = stateDirectory(options.state);
  const running = hasLeftovers(state);
  if (existsSync(state.root)) await takeDown(state);
  else await sweep(state); // Somebody has removed the directory of a mesh.
  console.log(running ? `the mesh in ${state.root} is down` : `no mesh runs in ${state.root}`);
}
