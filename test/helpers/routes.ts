// Builders of routes and of what they are attached to, and what calls to them come to.
import assert from "node:assert/strict";
import type { Mesh } from "./mesh.ts";
import { call } from "./workloads.ts";

/** What a call of test/local/apps/call.ts came to. */
export interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly json?: {
    readonly name: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly text?: string;
  readonly error?: string;
  readonly ms: number;
}

/** What the calls of a client come to; `A` is what is looked at of it. */
export async function callsFrom<A = Answer>(
  mesh: Mesh,
  { deployment, namespace }: { readonly deployment: string; readonly namespace: string },
  url: string,
  flags: readonly string[] = [],
): Promise<readonly A[]> {
  const { stdout, stderr } = await mesh.exec(`deploy/${deployment}`, call(url, ...flags), {
    namespace,
    container: deployment,
  });
  assert.notEqual(stdout, "", stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as A);
}

/** Has the endpoints of a namespace's services take turns, for tests that presume it: by default the quicker get more. */
export function inTurns(namespace: string): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "in-turns", namespace },
    spec: {
      host: `*.${namespace}.svc.cluster.local`,
      trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } },
    },
  };
}

/** A route for a Service, of its namespace. */
export function routeTo(
  service: string,
  namespace: string,
  rules: readonly object[],
  kind: "HTTPRoute" | "GRPCRoute" = "HTTPRoute",
): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind,
    metadata: { name: service, namespace },
    spec: { parentRefs: [{ group: "", kind: "Service", name: service }], rules },
  };
}

/** A match of all paths below one. */
export function below(value: string): object {
  return { path: { type: "PathPrefix", value } };
}
