import type { Command } from "commander";
import { showSteps } from "../steps.ts";
import { type ClusterOptions, withClusterOptions } from "../target.ts";

/** `heddle uninstall`: takes Heddle out of a cluster. */
export function register(program: Command): void {
  withClusterOptions(
    program
      .command("uninstall")
      .description("take Heddle out of a Kubernetes cluster, whole or what is left of it"),
  )
    .option("-y, --yes", "do not ask")
    .addHelpText(
      "after",
      `
Removes webhooks and policies first, so that pods can be created all the time, then the control plane with its
certificate authority, then Gateways' workloads and trust bundles. Pods that have a sidecar go on with it until they are
restarted: it keeps what it knows, but learns nothing new, and its certificate ends within a day. Routes, policies and
namespace labels are yours and stay, with the statuses that Heddle wrote last: the CRD of RateLimit, or that of
AdaptiveConcurrency, is removed where no object needs it.

Examples:
  heddle uninstall
  heddle uninstall --context staging --yes`,
    )
    .action(takeOut);
}

async function takeOut({ yes, ...cluster }: ClusterOptions & { readonly yes?: boolean }): Promise<void> {
  const [{ connectCluster }, { uninstall }, { readServerVersion }] = await Promise.all([
    import("../cluster.ts"),
    import("#install/uninstall.ts"),
    import("#kubernetes/server-version.ts"),
  ]);
  const client = await connectCluster(cluster);
  await readServerVersion(client); // Whether there is a cluster at all, before the question.
  if (yes !== true) await confirm(cluster.context);
  const removed = await showSteps()("remove Heddle", (progress) => uninstall(client, progress));
  console.log(removed === 0 ? "Heddle was not installed" : `Heddle is gone: ${removed} objects removed`);
  const { podsWithSidecar } = await import("#install/meshed-pods.ts");
  const left = await podsWithSidecar(client);
  if (left.length === 0) return;
  console.log(`\nThese pods still have a sidecar; restart them soon, for its certificate ends within a day:`);
  for (const { namespace, names } of left) {
    console.log(`  ${namespace}: ${names.join(", ")}`);
    console.log(`    kubectl rollout restart deployment,statefulset,daemonset -n ${namespace}`);
  }
}

/** Throws unless somebody at a terminal says yes. */
async function confirm(context: string | undefined): Promise<void> {
  if (!process.stdin.isTTY) throw new Error("nobody is there to confirm this: add --yes");
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const where = context === undefined ? "the current kube context" : `the context ${context}`;
  const answer = await terminal.question(
    `Remove Heddle, with its certificate authority, from ${where}? [y/N] `,
  );
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Error("nothing was changed");
}
