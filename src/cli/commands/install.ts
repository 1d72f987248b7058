import type { Command } from "commander";
import { type InstallOptions, settingsFrom, withInstallOptions } from "../install-options.ts";
import { showSteps } from "../steps.ts";
import { type ClusterOptions, withClusterOptions } from "../target.ts";

/** `heddle install`: puts Heddle into a cluster, or upgrades it there. */
export function register(program: Command): void {
  withClusterOptions(
    withInstallOptions(
      program.command("install").description("put Heddle into a Kubernetes cluster, or upgrade it there"),
    ),
  )
    .addHelpText(
      "after",
      `
Looks whether it can succeed before it changes anything, applies what heddle manifests prints, waits until the control
plane is ready, and ends with heddle check. Run it again after a failure, for another version, or to change an option:
what is right already is left alone. Running pods keep the sidecar that they have until they are restarted.

Examples:
  heddle install
  heddle install --context production --injection=policy
  heddle install --control-plane-image registry.example/heddle:1 --proxy-image registry.example/heddle-proxy:1
  heddle install --proxy-image envoyproxy/envoy:distroless-v1.40.0 --no-latency-aware

Then, for each namespace that shall be in the mesh:
  kubectl label namespace production heddle.dev/inject=enabled
  kubectl rollout restart deployment -n production`,
    )
    .action(install);
}

async function install(options: InstallOptions & ClusterOptions): Promise<void> {
  const [{ connectCluster }, { preflight }, { bringUp }, { canDelayTermination }] = await Promise.all([
    import("../cluster.ts"),
    import("#install/preflight.ts"),
    import("#install/bring-up.ts"),
    import("#kubernetes/server-version.ts"),
  ]);
  const client = await connectCluster(options);
  const run = showSteps();
  const found = await run("look at the cluster", () =>
    preflight(client, settingsFrom(options, { gatewayApi: true, terminationDelay: true })),
  );
  if (found.problems.length > 0) {
    throw new Error(
      `nothing was changed:\n${found.problems.map(({ message }) => `  ${message}`).join("\n")}`,
    );
  }
  const terminationDelay = canDelayTermination(found.server);
  const settings = settingsFrom(options, { gatewayApi: found.gatewayApi, terminationDelay });
  if (found.upgradeFrom !== undefined && found.upgradeFrom !== settings.version) {
    console.error(`Heddle ${found.upgradeFrom} is there, and becomes ${settings.version}`);
  }
  if (!terminationDelay && options.terminationDelay > 0) {
    console.error(
      `Kubernetes ${found.server.text} cannot delay the end of containers: there is no termination delay (from 1.30 on)`,
    );
  }
  await bringUp(client, settings, run);
  if (!found.gatewayApi) {
    console.error(
      "The cluster has no Gateway API: Gateways and HTTPRoutes work once its CRDs are there, and this has run again.",
    );
  }
  const { checkAndPrint } = await import("../check-report.ts");
  await checkAndPrint(client, {});
}
