/**
 * What replicas ask each other: HTTPS with the control plane's certificate on both sides. Each answers for the proxies
 * that are connected to it.
 */
import type { Server } from "node:https";
import { createServer, request } from "node:https";
import { isIPv6 } from "node:net";
import { checkServerIdentity as checkHost, type PeerCertificate, type TLSSocket } from "node:tls";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { ServerCertificate } from "#identity/server-certificate.ts";
import { controlPlaneSpiffeId } from "#identity/spiffe.ts";
import { controlPlaneHost } from "#model/installation.ts";
import { replicasPort } from "#runtime/ports.ts";
import type { Gathered } from "./gathered.ts";

/** Who all replicas are to each other. */
export interface ReplicaIdentity {
  readonly trustDomain: string;
  readonly rootPem: string;
  readonly certificate: ServerCertificate;
}

/** What a replica answers to each path, from the parameters of the question; plain data. */
export type Answers = Readonly<Record<string, (parameters: URLSearchParams) => readonly unknown[]>>;

export interface QuestionServer {
  close(): Promise<void>;
}

const timeoutMs = 1_000;
/** Nobody's answer is longer. */
const answerLimit = 64 * 1024 * 1024;

/** Answers other replicas on that address. Whoever does not prove to be one is cut off. */
export function serveQuestions(
  host: string,
  identity: ReplicaIdentity,
  answers: Answers,
): Promise<QuestionServer> {
  const api = new Hono();
  for (const [path, answer] of Object.entries(answers)) {
    api.get(path, (context) => context.json(answer(new URL(context.req.url).searchParams)));
  }
  const server = createAdaptorServer({
    fetch: api.fetch,
    createServer,
    serverOptions: { ...tlsOf(identity), requestCert: true, rejectUnauthorized: true },
  }) as Server;
  server.on("secureConnection", (socket: TLSSocket) => {
    if (!isControlPlane(socket.getPeerCertificate(), identity.trustDomain)) socket.destroy();
  });
  identity.certificate.onRenewed(() => server.setSecureContext(tlsOf(identity)));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: replicasPort }, () => {
      resolve({
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

/** What this replica and all others answer. One that does not within a second is named and left out. */
export async function askReplicas<T>(
  others: readonly string[],
  identity: ReplicaIdentity,
  question: string,
): Promise<Gathered<T>> {
  const answers = await Promise.all(
    others.map((address) => ask<T>(address, identity, question).catch(() => undefined)),
  );
  return {
    items: answers.flatMap((answer) => answer ?? []),
    unanswered: others.filter((_, index) => answers[index] === undefined),
  };
}

function ask<T>(address: string, identity: ReplicaIdentity, question: string): Promise<readonly T[]> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: address,
      port: replicasPort,
      path: question,
      ...tlsOf(identity),
      agent: false,
      servername: controlPlaneHost,
      headers: { host: isIPv6(address) ? `[${address}]` : address },
      signal: AbortSignal.timeout(timeoutMs),
      checkServerIdentity: (host, certificate) =>
        isControlPlane(certificate, identity.trustDomain)
          ? checkHost(host, certificate)
          : new Error(`${address} is not a replica of the control plane`),
    });
    sent.on("error", reject);
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > answerLimit) response.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => {
        if (response.statusCode !== 200)
          return reject(new Error(`${address} answers ${response.statusCode}`));
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString()) as readonly T[]);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    sent.end();
  });
}

function tlsOf({ rootPem, certificate }: ReplicaIdentity) {
  const { chainPem, keyPem } = certificate.current();
  return { ca: rootPem, cert: chainPem, key: keyPem, minVersion: "TLSv1.3" as const };
}

/** Every certificate of the mesh is signed by the same authority: only its identity tells a replica from a workload. */
function isControlPlane({ subjectaltname }: PeerCertificate, trustDomain: string): boolean {
  const uris = subjectaltname?.split(", ").filter((name) => name.startsWith("URI:")) ?? [];
  return uris.length === 1 && uris[0] === `URI:${controlPlaneSpiffeId(trustDomain)}`;
}
