import type { Command } from "commander";
import { type InstallOptions, settingsFrom, withInstallOptions } from "../install-options.ts";

/** `heddle manifests`: what `heddle install` would apply. Asks no cluster. */
export function register(program: Command): void {
  withInstallOptions(
    program.command("manifests").description("print what heddle install would apply to a cluster, as YAML"),
  )
    .option("--no-gateway-api", "for a cluster without the CRDs of the Gateway API")
    .addHelpText(
      "after",
      `
Examples:
  heddle manifests | less
  heddle manifests --termination-delay 0 > for-kubernetes-1.29.yaml
  heddle manifests --injection=policy > heddle.yaml
  heddle manifests | kubectl apply --server-side -f -`,
    )
    .action(printManifests);
}

async function printManifests(options: InstallOptions & { readonly gatewayApi: boolean }): Promise<void> {
  const [{ manifests }, { toYaml }] = await Promise.all([
    import("#install/manifests.ts"),
    import("#install/yaml.ts"),
  ]);
  process.stdout.write(
    toYaml(manifests(settingsFrom(options, { gatewayApi: options.gatewayApi, terminationDelay: true }))),
  );
}
