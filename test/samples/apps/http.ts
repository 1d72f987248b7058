// What the stand-ins have in common: a server of a few paths, calls of other services, and the headers to pass on.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text as it is; anything else becomes JSON. */
  readonly body?: unknown;
}

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: IncomingMessage;
}

/** Serves until SIGTERM. `answer` gives nothing for a path that it does not have. */
export function serve(
  port: number,
  answer: (asked: Asked) => Answer | undefined | Promise<Answer | undefined>,
): void {
  // It closes no connection that a proxy is about to use again.
  const server = createServer({ keepAliveTimeout: 0 }, (message, response) => {
    void (async () => {
      const asked: Asked = {
        method: message.method ?? "GET",
        url: new URL(message.url ?? "/", `http://${message.headers.host ?? "localhost"}`),
        headers: message.headers,
        body: await textOf(message),
        message,
      };
      const { status = 200, headers = {}, body = "" } = (await answer(asked)) ?? { status: 404, body: "404" };
      const text = typeof body === "string" ? body : `${JSON.stringify(body)}\n`;
      const type = typeof body === "string" ? "text/plain" : "application/json";
      console.log(`${status} ${asked.method} ${message.url} host=${message.headers.host}`);
      response.writeHead(status, { "content-type": type, ...headers } as Record<string, string>);
      response.end(asked.method === "HEAD" ? "" : text);
    })();
  });
  server.listen(port, "0.0.0.0");
  process.on("SIGTERM", () => process.exit(0));
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of message) text += String(chunk);
  return text;
}

/** Calls a service on a connection of its own; no answer in time, or none at all, is status 0. */
export function call(
  url: string,
  headers: IncomingHttpHeaders,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const calling = request(url, { headers, agent: false, signal }, (message) => {
      textOf(message).then(
        (body) => resolve({ status: message.statusCode ?? 0, body }),
        () => resolve({ status: 0, body: "" }),
      );
    });
    calling.on("error", () => resolve({ status: 0, body: "" }));
    calling.end();
  });
}

const PASSED_ON = [
  "x-request-id",
  "traceparent",
  "tracestate",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "end-user",
  "user-agent",
  "cookie",
  "authorization",
  "jwt",
];

/** The headers of a request that go on with the calls made for it. */
export function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

/** The address of another service of Bookinfo: `DETAILS_HOSTNAME`, `DETAILS_SERVICE_PORT`, `SERVICES_DOMAIN`. */
export function addressOf(service: "details" | "ratings" | "reviews"): string {
  const { env } = process;
  const host = env[`${service.toUpperCase()}_HOSTNAME`] ?? service;
  const domain = env["SERVICES_DOMAIN"] === undefined ? "" : `.${env["SERVICES_DOMAIN"]}`;
  return `http://${host}${domain}:${env[`${service.toUpperCase()}_SERVICE_PORT`] ?? "9080"}`;
}
