import { type Command, Option } from "commander";
import { type ClusterOptions, withClusterOptions } from "../target.ts";

/** `heddle check`: what is wrong with a mesh on a cluster, and what to do about it. */
export function register(program: Command): void {
  withClusterOptions(
    program
      .command("check")
      .description("find what is wrong with the mesh of a Kubernetes cluster, and what to do about it"),
  )
    .addOption(new Option("-o, --output <format>", "json for programs").choices(["json"]))
    .addHelpText(
      "after",
      `
Looks at the control plane, its authority, webhooks or policies, namespaces, pods without the sidecar that they should
have, proxies of another version, and objects that do not work. Changes nothing. Exits with 1 if something is broken.
A mesh on this machine is told of by heddle status and heddle ps.

Examples:
  heddle check
  heddle check --context production -o json | jq '.[] | select(.severity != "ok")'`,
    )
    .action(check);
}

async function check(options: ClusterOptions & { readonly output?: "json" }): Promise<void> {
  const [{ connectCluster }, { checkAndPrint }] = await Promise.all([
    import("../cluster.ts"),
    import("../check-report.ts"),
  ]);
  await checkAndPrint(await connectCluster(options), options);
}
