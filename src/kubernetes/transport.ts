// HTTP to an API server: connections that are kept, credentials, errors that say which server and why.
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent, request as requestHttps } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import type { ClusterAccess } from "./access.ts";
import { KubernetesError, type RequestOptions } from "./client.ts";

export interface TransportRequest extends RequestOptions {
  readonly method: string;
  readonly path: string;
  /** How long the server may be silent. Default: a minute, which is how long it works on a request. */
  readonly silenceMs?: number;
}

/** The answer to a request that succeeded; its body is to be read. */
export type Send = (request: TransportRequest) => Promise<IncomingMessage>;

/** A peer that has vanished is noticed within this and ten seconds: watches would wait for it for ever. */
const keepAliveMs = 15_000;
const retriesWhenBusy = 4;
const connectTimeoutMs = 10_000;

/** Sends requests to a cluster. Throws `KubernetesError` for what is no success. */
export function openTransport(access: ClusterAccess): Send {
  const isPlain = access.server.protocol === "http:";
  const options = { keepAlive: true, keepAliveMsecs: keepAliveMs };
  const agent = isPlain ? new HttpAgent(options) : new Agent(options);
  const sendOnce = async (request: TransportRequest): Promise<IncomingMessage> => {
    const { headers, ...credentials } = await access.credentials();
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    return new Promise((resolve, reject) => {
      const sent = (isPlain ? requestHttp : requestHttps)(urlOf(access, request), {
        agent,
        ...credentials,
        method: request.method,
        headers: {
          accept: request.accept ?? acceptedType(request),
          "user-agent": "heddle",
          ...(body === undefined ? {} : contentHeaders(body, request)),
          ...headers,
        },
        ...(request.signal === undefined ? {} : { signal: request.signal }),
        // Until it is connected; then the other one counts.
        timeout: connectTimeoutMs,
      });
      sent.setTimeout(request.silenceMs ?? 60_000, () => sent.destroy(new SilenceError()));
      sent.once("response", resolve);
      sent.once("error", (error) => {
        // A kept connection may be closed by the server at the moment it is used again: nobody has seen the request.
        const isStale = sent.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
        if (isStale && request.method !== "POST") sendOnce(request).then(resolve, reject);
        else reject(noAnswer(access.server, error));
      });
      sent.end(body);
    });
  };
  return async (request) => {
    for (let attempt = 0; ; attempt++) {
      const response = await sendOnce(request);
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 300) return response;
      // A server that is busy says when to come again, and has not begun with the request.
      const retryAfter = Number(response.headers["retry-after"]);
      if (statusCode !== 429 || !(retryAfter >= 0) || attempt >= retriesWhenBusy)
        throw await failure(access.server, response);
      response.resume();
      await delay(
        retryAfter * 1000,
        undefined,
        request.signal === undefined ? {} : { signal: request.signal },
      );
    }
  };
}

function urlOf(access: ClusterAccess, { path, query }: TransportRequest): URL {
  const url = new URL(access.server);
  url.pathname = `${url.pathname.replace(/\/$/, "")}${path}`;
  url.search = new URLSearchParams(query).toString();
  return url;
}

function acceptedType({ metadataOnly, query }: TransportRequest): string {
  if (metadataOnly !== true) return "application/json";
  const form = query?.["watch"] === undefined ? "PartialObjectMetadataList" : "PartialObjectMetadata";
  return `application/json;as=${form};g=meta.k8s.io;v=v1`;
}

function contentHeaders(body: Buffer, { contentType }: RequestOptions): Record<string, string | number> {
  return { "content-type": contentType ?? "application/json", "content-length": body.length };
}

class SilenceError extends Error {
  readonly code = "ETIMEDOUT";

  constructor() {
    super("nothing came");
  }
}

/** The whole body of an answer. */
export async function readBody(server: URL, response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw noAnswer(server, error as Error);
  }
  return Buffer.concat(chunks);
}

async function failure(server: URL, response: IncomingMessage): Promise<KubernetesError> {
  const text = (await readBody(server, response)).toString();
  const status = response.statusCode ?? 0;
  try {
    const { reason, message } = JSON.parse(text) as { readonly reason?: string; readonly message?: string };
    if (message !== undefined) return new KubernetesError(status, reason ?? "", message);
  } catch {
    // Not from the API server itself, or about a path it does not have.
  }
  const said = text.trim().split("\n")[0]?.slice(0, 200);
  return new KubernetesError(
    status,
    response.statusMessage?.replaceAll(" ", "") ?? "",
    `the API server ${server.origin} answers ${status}: ${said === "" ? response.statusMessage : said}`,
  );
}

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses connections; is the cluster running, and is this its address?",
  ENOTFOUND: "cannot be found: its name does not resolve",
  EAI_AGAIN: "cannot be found: name resolution fails at the moment",
  ECONNRESET: "closed the connection",
  ETIMEDOUT: "does not answer in time",
  EHOSTUNREACH: "cannot be reached from here",
  ENETUNREACH: "cannot be reached from here",
  DEPTH_ZERO_SELF_SIGNED_CERT: "has a certificate that the configured authority did not sign",
  SELF_SIGNED_CERT_IN_CHAIN: "has a certificate that the configured authority did not sign",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "has a certificate that the configured authority did not sign",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "has a certificate that the configured authority did not sign",
  ERR_TLS_CERT_ALTNAME_INVALID: "has a certificate for another name",
  CERT_HAS_EXPIRED: "has a certificate that has expired",
};

/** The error of a connection, in words. Errors of an `AbortSignal` stay as they are. */
export function noAnswer(server: URL, error: Error): Error {
  if (error.name === "AbortError" || error instanceof KubernetesError) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  const sentence = sentences[code] ?? "gives no answer";
  return new KubernetesError(0, code, `the API server ${server.origin} ${sentence} (${error.message})`, {
    cause: error,
  });
}
