// Where an API server is and how requests to it are authenticated.
import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { isIPv6 } from "node:net";
import { KubernetesError } from "./client.ts";

/** What a request needs besides method and path: TLS, headers; an `agent` only where the usual one does not do. */
export type Credentials = Pick<
  RequestOptions,
  "ca" | "cert" | "key" | "servername" | "rejectUnauthorized" | "agent"
> & { readonly headers?: Readonly<Record<string, string | string[]>> };

/** One API server and one user of it. */
export interface ClusterAccess {
  readonly server: URL;
  readonly namespace: string;
  /** Asked before every request, so that rotated files and expired tokens are followed. */
  credentials(): Promise<Credentials>;
}

const serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The cluster that this process runs in as a pod; undefined outside of one. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
export function accessFromPod(
  environment: NodeJS.ProcessEnv,
  directory = serviceAccountDirectory,
): ClusterAccess | undefined {
  const host = environment["KUBERNETES_SERVICE_HOST"];
  if (host === undefined || host === "") return undefined;
  const token = rereadFile(`${directory}/token`);
  const ca = rereadFile(`${directory}/ca.crt`);
  return {
    server: new URL(
      `https://${isIPv6(host) ? `[${host}]` : host}:${environment["KUBERNETES_SERVICE_PORT"] ?? "443"}`,
    ),
    namespace: rereadFile(`${directory}/namespace`)().toString().trim(),
    credentials: async () => ({
      ca: ca(),
      headers: { authorization: `Bearer ${token().toString().trim()}` },
    }),
  };
}

/** The kubelet replaces a token when a fifth of its life is left; client-go looks as often as this. */
const rereadAfterMs = 60_000;

/** The content of a file that may be replaced: read again now and then. Keeps what it has while the file is unreadable. */
export function rereadFile(path: string): () => Buffer {
  let content: Buffer | undefined;
  let readAt = 0;
  return () => {
    if (content !== undefined && Date.now() - readAt < rereadAfterMs) return content;
    try {
      content = readFileSync(path);
      readAt = Date.now();
    } catch (error) {
      if (content === undefined) {
        throw new KubernetesError(0, "Configuration", `cannot read ${path}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    return content;
  };
}
