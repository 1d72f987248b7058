import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Server as TcpServer } from "node:net";
import { hostname } from "node:os";

/** The pod that this program runs in; every answer names it, so that a page can show who did the work. */
export const pod = process.env.POD_NAME ?? hostname();
/** The `version` label of that pod. */
export const version = process.env.VERSION ?? "v1";

/** What a handler answers: an object goes out as JSON, text as what `type` says. */
export interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object | string;
}

export interface Question {
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly headers: IncomingMessage["headers"];
}

/** Keys are a method and a path such as `GET /books/:id`. */
export type Routes = Readonly<Record<string, (question: Question) => Answer | Promise<Answer>>>;

/** Serves `routes` and `GET /healthz` over HTTP/1.1 on all addresses. */
export function serveHttp(port: number, routes: Routes): Server {
  const all: Routes = { "GET /healthz": () => ({ body: "ok\n" }), ...routes };
  const table = Object.entries(all).map(([key, handle]) => {
    const [method, pathname] = key.split(" ");
    return { method, pattern: new URLPattern({ pathname: pathname ?? "/" }), handle };
  });

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", "http://here");
    for (const { method, pattern, handle } of table) {
      const match = method === request.method ? pattern.exec(url) : null;
      if (match) return handle({ parameters: match.pathname.groups, headers: request.headers });
    }
    return { status: 404, body: { error: `${request.method} ${url.pathname} is not served here` } };
  }

  const server = createServer((request, response) => {
    request.resume();
    void answer(request)
      .catch((error: unknown): Answer => ({ status: 502, body: { error: String(error) } }))
      .then(({ status = 200, type, headers, body }) => {
        const text = typeof body === "string" ? body : JSON.stringify(body);
        response.writeHead(status, {
          "content-type":
            type ?? (typeof body === "string" ? "text/plain; charset=utf-8" : "application/json"),
          "content-length": Buffer.byteLength(text),
          "x-served-by": pod,
          "x-version": version,
          ...headers,
        });
        response.end(text);
      });
  });
  // The client's proxy pools these connections: were we to close an idle one, a request could be on its way.
  server.keepAliveTimeout = 0;
  server.listen(port, "0.0.0.0", () => console.log(`${pod} ${version}: HTTP on port ${port}`));
  endOnTermination(server);
  return server;
}

/** Serves TCP on all addresses until the pod is told to go. */
export function serveTcp(server: TcpServer, port: number): void {
  server.listen(port, "0.0.0.0", () => console.log(`${pod} ${version}: TCP on port ${port}`));
  endOnTermination(server);
}

/**
 * A pod that is told to go still gets requests until every client knows: go on for a second, then take no new
 * connections, and leave when those that are open had two more seconds to end.
 */
function endOnTermination(server: Server | TcpServer): void {
  onTermination(() => {
    setTimeout(() => server.close(() => process.exit(0)), 1000);
    setTimeout(() => process.exit(0), 3000);
  });
}

/** Calls `end` once, on SIGTERM or SIGINT. */
export function onTermination(end: () => void): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, end);
}

/** Where another service of the bookstore listens: `NAME_ADDRESS` from the environment, or its name in the cluster. */
export function addressOf(service: string, port: number): { readonly host: string; readonly port: number } {
  const [host = service, ownPort = port] = (process.env[`${service.toUpperCase()}_ADDRESS`] ?? "").split(":");
  return { host: host || service, port: Number(ownPort) };
}

/** The URL of another service's HTTP port. */
export function urlOf(service: string, path: string, port = 80): string {
  const address = addressOf(service, port);
  return `http://${address.host}:${address.port}${path}`;
}
