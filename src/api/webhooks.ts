/** The HTTPS server that the API server asks about pods, routes and policies. Its certificate can be replaced while it runs. */
import { createServer, type Server } from "node:https";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { PodAdmission, SelectedBy } from "#injector/admission.ts";
import { injectionPath, validationPath } from "#injector/webhook-configurations.ts";
import { type ServerCertificate, secureContext } from "#runtime/secure-context.ts";
import type { ObjectAdmission } from "./admit-object.ts";

/** What is answered; the functions are called for each request, with its body. */
export interface WebhookAnswers {
  injection(review: unknown, selectedBy: SelectedBy): PodAdmission;
  validation(review: unknown): ObjectAdmission;
  /** Called when an answer throws, which is a fault of ours. The API server gets a 500. */
  onFault(error: unknown): void;
}

export interface WebhookServerOptions {
  readonly certificate: ServerCertificate;
  readonly answers: WebhookAnswers;
}

export interface WebhookServer {
  /** Starts to accept connections; port 0 takes a free one. Rejects if the address cannot be had. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Used for connections made from now on. */
  replaceCertificate(certificate: ServerCertificate): void;
  /** Stops listening, lets requests end, and cuts what is left after a second. */
  close(): Promise<void>;
}

/** Larger than any object in etcd, old and new version and the review around them. */
const maxBodyBytes = 8 * 1024 * 1024;

/** The API server waits for no longer than this. */
const requestTimeoutMs = 10_000;
const closeTimeoutMs = 1_000;

/** The server of both webhooks. */
export function createWebhookServer({ certificate, answers }: WebhookServerOptions): WebhookServer {
  const timeouts = { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs };
  const server = createAdaptorServer({
    fetch: createWebhooks(answers).fetch,
    createServer,
    serverOptions: { ...secureContext(certificate), ...timeouts },
  }) as Server;
  // The API server keeps its connections, and takes one that is closed at the wrong moment for a failed call.
  server.keepAliveTimeout = 5 * 60_000;
  return {
    listen: (address) => listen(server, address),
    replaceCertificate: (next) => server.setSecureContext(secureContext(next)),
    close: () => close(server),
  };
}

/** The routes, without a socket. */
export function createWebhooks(answers: WebhookAnswers): Hono {
  const webhooks = new Hono();
  const limit = bodyLimit({
    maxSize: maxBodyBytes,
    onError: (context) => failed(context, 413, `the body has more than ${maxBodyBytes} bytes`),
  });
  const post = (path: string, admit: (review: unknown) => PodAdmission | ObjectAdmission) =>
    webhooks.post(path, limit, async (context) => {
      const review = parse(await context.req.text());
      if (review === undefined) return failed(context, 400, "the body is no JSON");
      const admission = admit(review);
      if (admission.kind === "malformed") return failed(context, 400, admission.message);
      return context.json(admission.answer);
    });
  for (const selectedBy of ["namespace", "pod"] as const) {
    post(injectionPath(selectedBy), (review) => answers.injection(review, selectedBy));
  }
  post(validationPath, (review) => answers.validation(review));
  webhooks.notFound((context) => failed(context, 404, `there is no webhook at ${context.req.path}`));
  webhooks.onError((error, context) => {
    answers.onFault(error);
    return failed(context, 500, "the review could not be answered; the log of the control plane says why");
  });
  return webhooks;
}

function failed(context: Context, status: 400 | 404 | 413 | 500, error: string): Response {
  return context.json({ error }, status);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listen(
  server: Server,
  address: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      const bound = server.address();
      if (bound === null || typeof bound === "string") reject(new Error("no TCP address"));
      else resolve({ port: bound.port });
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), closeTimeoutMs).unref();
  });
}
