import { styleText } from "node:util";
import { checkInstallation } from "#install/check/check.ts";
import type { Finding } from "#install/check/finding.ts";
import { readSnapshot } from "#install/check/snapshot.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { askReplica } from "./cluster.ts";

/** Checks an installation and prints what is found. The process ends with 1 if something is broken. */
export async function checkAndPrint(
  client: KubernetesClient,
  options: { readonly output?: "json" },
): Promise<void> {
  const snapshot = await readSnapshot(client, (path) => askReplica(client, path));
  const findings = checkInstallation(snapshot);
  if (options.output === "json") console.log(JSON.stringify(findings, undefined, 2));
  else process.stdout.write(findings.map(lineOf).join(""));
  if (findings.some(({ severity }) => severity === "error")) process.exitCode = 1;
}

const marks = {
  ok: styleText("green", "✓"),
  warning: styleText("yellow", "!"),
  error: styleText("red", "✗"),
};

function lineOf({ severity, subject, message, remedy }: Finding): string {
  const line = `${marks[severity]} ${subject}: ${message}\n`;
  return remedy === undefined ? line : `${line}    ${styleText("dim", "→")} ${remedy}\n`;
}
