// The control plane without files: sources in memory, changed on command by the benchmark that started it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { Graph } from "#collections/graph.ts";
import { compileMesh } from "#compile/graph.ts";
import { createProvider } from "#envoy/provider.ts";
import { type IssuedCertificate, openAuthority } from "#identity/authority.ts";
import { authenticatePods } from "#identity/running-pods.ts";
import { tokenAudience } from "#identity/token-audience.ts";
import { openTokenIssuer, tokenVerifier } from "#identity/tokens.ts";
import { defaultCertificateLifetimeMs, keepWorkloadCertificates } from "#identity/workload-certificates.ts";
import { createGrpcServer } from "#runtime/grpc-server.ts";
import { bearerToken } from "#xds/authentication.ts";
import { createXdsServer } from "#xds/server.ts";
import { monotonicMs } from "../processes.ts";
import {
  fill,
  identityOf,
  type MeshSize,
  setEndpoints,
  setRoute,
  writableObjects,
} from "./synthetic-mesh.ts";

export type ServerCommand =
  | { readonly kind: "start"; readonly size: MeshSize; readonly secured: boolean }
  /** Moves an endpoint of service 0. */
  | { readonly kind: "change endpoint"; readonly generation: number }
  /** Changes the weights of the route of service 0. */
  | { readonly kind: "change route"; readonly weight: number };

export type ServerEvent =
  | {
      readonly kind: "started";
      readonly port: number;
      /** One for each proxy. */
      readonly tokens: readonly string[];
      readonly rootPem: string | undefined;
    }
  /** The change has been made, at this monotonic time (ms). */
  | { readonly kind: "changed"; readonly at: number };

const host = "127.0.0.1";
const serverName = "heddle.heddle-system.svc";

const state = mkdtempSync(join(tmpdir(), "heddle-bench-"));
process.on("exit", () => rmSync(state, { recursive: true, force: true }));
process.on("disconnect", () => process.exit());

const graph = new Graph({
  onFault: ({ collection, key, error }) => {
    process.stderr.write(`${collection} ${key}: ${error instanceof Error ? error.stack : String(error)}\n`);
  },
});
const objects = writableObjects(graph);
const mesh = compileMesh(graph, objects);
let size: MeshSize = { services: 0, proxies: 0 };

process.on("message", (command: ServerCommand) => {
  if (command.kind === "start") {
    void start(command.size, command.secured).then((event) => process.send?.(event));
    return;
  }
  const at = monotonicMs();
  if (command.kind === "change endpoint") setEndpoints(objects, size, 0, command.generation);
  else setRoute(objects, command.weight);
  process.send?.({ kind: "changed", at } satisfies ServerEvent);
});

async function start(wanted: MeshSize, secured: boolean): Promise<ServerEvent> {
  size = wanted;
  const authority = await openAuthority(join(state, "ca"), { trustDomain: "cluster.local" });
  const certificates = graph.source<IssuedCertificate>("certificates");
  const trustBundle = graph.source<string>("trust bundle");
  trustBundle.set("", authority.rootPem);
  const provider = createProvider(graph, {
    mesh,
    trustDomain: authority.trustDomain,
    trustBundle,
    certificates,
  });
  fill(objects, size);
  graph.settle();
  const issuer = await openTokenIssuer(join(state, "tokens"));
  const authenticatePod = authenticatePods(tokenVerifier(issuer), mesh.workloads);
  const xds = createXdsServer({
    provider,
    authenticate: async (metadata) => {
      const token = bearerToken(metadata);
      // Without security the token is the pod's name: in this program only.
      const workload = secured ? await authenticatePod(token) : mesh.workloads.get(token ?? "");
      if (workload === undefined) return { refused: `there is no pod ${token}` };
      return "refused" in workload
        ? workload
        : {
            client: { ...workload, balancesByLatency: true },
            id: `${workload.pod}.${workload.namespace}`,
          };
    },
    onRejected: (proxy, rejection) => process.stderr.write(`${proxy} rejects ${rejection.name}\n`),
  });
  const identities = Array.from({ length: size.proxies }, (_none, index) => identityOf(index));
  if (!secured) {
    const server = new Server({ "grpc.enable_channelz": 0 });
    xds.addTo(server);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const tokens = identities.map(({ namespace, pod }) => `${namespace}/${pod}`);
    return { kind: "started", port, tokens, rootPem: undefined };
  }
  keepWorkloadCertificates({
    demanded: provider.wantedCertificates,
    certificates,
    authority,
    lifetimeMs: defaultCertificateLifetimeMs,
    onFailure: (key, error) => process.stderr.write(`${key}: ${String(error)}\n`),
  });
  const issued = await authority.issueServer([serverName], defaultCertificateLifetimeMs);
  const server = createGrpcServer({
    certificate: { chainPem: issued.chainPem, keyPem: issued.keyPem.reveal() },
  });
  xds.addTo(server.services);
  const { port } = await server.listen({ host, port: 0 });
  const tokens = await Promise.all(
    identities.map(async (identity) => {
      const { token } = await issuer.issue({ ...identity, audience: tokenAudience, expirationSeconds: 3600 });
      return token;
    }),
  );
  return { kind: "started", port, tokens, rootPem: authority.rootPem };
}
