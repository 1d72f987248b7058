import { spawn } from "node:child_process";
import { adminPort } from "#interception/addresses.ts";
import { namespaceFile } from "#local/network/node-namespace.ts";
import { programFile } from "#runtime/program.ts";
import { configDumpPath } from "./config-dump-path.ts";

/** Reads the whole configuration of the Envoy in a network namespace. Throws if none answers there. */
export async function readConfigDump(networkNamespace: string): Promise<unknown> {
  return JSON.parse(await readAdmin(networkNamespace, configDumpPath)) as unknown;
}

/** Reads a page of the admin interface of the Envoy in a network namespace. Throws if none answers there. */
export function readAdmin(networkNamespace: string, path: string): Promise<string> {
  return getInNamespace(networkNamespace, `http://127.0.0.1:${adminPort}${path}`);
}

/** A GET by a small child in the namespace: a process has but one network. */
function getInNamespace(networkNamespace: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const program = programFile("cli/get");
    const child = spawn(
      "nsenter",
      [
        `--net=${namespaceFile(networkNamespace)}`,
        process.execPath,
        "--disable-warning=ExperimentalWarning",
        program,
        url,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const chunks: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString());
      else reject(new Error(`the pod's proxy does not answer: ${Buffer.concat(errors).toString().trim()}`));
    });
  });
}
