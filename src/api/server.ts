// The control plane's own interface for the command line: HTTP over a Unix socket, for whoever may read the state
// directory, or on the loopback of a pod. It only reads.
import { chmodSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { Problem } from "#model/reference.ts";
import { type Gathered, unansweredHeader } from "#replicas/gathered.ts";
import { prometheusContentType } from "#telemetry/prometheus.ts";
import type { EdgeStat, StatOptions } from "#telemetry/stat.ts";

/** The answer of a control plane that has no other replicas. */
export function alone<T>(items: readonly T[]): Promise<Gathered<T>> {
  return Promise.resolve({ items, unanswered: [] });
}

/** What the interface shows. The functions are called for each request. */
export interface ApiSources {
  /** Why proxies cannot be served yet, one sentence each; empty when they can. */
  notReady(): readonly string[];
  stat(options: StatOptions): Promise<Gathered<EdgeStat>>;
  /** Prometheus' text format. */
  metrics(): string;
  problems(): readonly Problem[];
  /** What each connected proxy has and has refused. */
  proxies(): Promise<Gathered<object>>;
  /** How many proxies have the latest of what each object made. */
  acknowledgements(): Promise<Gathered<object>>;
  /** What became of objects, where no API server keeps it. */
  readonly statuses?: () => readonly object[];
  /** The incremental engine's collections, keys and faults. */
  collections(): unknown;
}

/** The routes, without a socket. */
export function createApi(sources: ApiSources): Hono {
  const api = createHealthApi(sources);
  api.get("/stat", async (context) => {
    const options = statOptions(context);
    if (options === undefined)
      return json(context, { error: "windowMs must be a number of at least 1000" }, 400);
    return gathered(context, await sources.stat(options));
  });
  api.get("/problems", (context) => json(context, sources.problems()));
  api.get("/proxies", async (context) => gathered(context, await sources.proxies()));
  api.get("/acknowledgements", async (context) => gathered(context, await sources.acknowledgements()));
  const { statuses } = sources;
  if (statuses !== undefined) api.get("/statuses", (context) => json(context, statuses()));
  api.get("/debug/collections", (context) => json(context, sources.collections()));
  return api;
}

/** What the kubelet and Prometheus may ask of whoever they are. */
export function createHealthApi(sources: Pick<ApiSources, "notReady" | "metrics">): Hono {
  const api = new Hono();
  api.get("/live", (context) => json(context, {}));
  api.get("/ready", (context) => {
    const reasons = sources.notReady();
    return json(context, { ready: reasons.length === 0, reasons }, reasons.length === 0 ? 200 : 503);
  });
  api.get("/metrics", (context) =>
    context.body(sources.metrics(), 200, { "content-type": prometheusContentType }),
  );
  api.notFound((context) => json(context, { error: `there is nothing at ${context.req.path}` }, 404));
  return api;
}

/** Of a request for `/stat`; undefined if they make no sense. */
function statOptions(context: Context): StatOptions | undefined {
  const namespace = context.req.query("namespace");
  const windowMs = Number(context.req.query("windowMs") ?? 30_000);
  if (!(windowMs >= 1_000)) return undefined;
  return { windowMs, ...(namespace === undefined ? {} : { namespace }) };
}

function gathered<T>(context: Context, { items, unanswered }: Gathered<T>): Response {
  if (unanswered.length > 0) context.header(unansweredHeader, unanswered.join(","));
  return json(context, items);
}

/** Maps become objects, sets arrays, and large integers strings. */
function json(context: Context, value: unknown, status: 200 | 400 | 404 | 503 = 200): Response {
  const text = JSON.stringify(value, (_key, item: unknown) => {
    if (item instanceof Map) return Object.fromEntries(item);
    if (item instanceof Set) return [...item];
    return typeof item === "bigint" ? item.toString() : item;
  });
  return context.body(text, status, { "content-type": "application/json" });
}

export interface ApiServer {
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

/** Serves on a socket that only its owner may use; one that a killed process left behind is replaced. */
export function serveApi(socketPath: string, sources: ApiSources): Promise<ApiServer> {
  const server = createAdaptorServer({ fetch: createApi(sources).fetch }) as Server;
  rmSync(socketPath, { force: true });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // The socket is made within `listen`: it never has wider permissions, not for a moment.
    const before = process.umask(0o177);
    try {
      server.listen(socketPath, () => {
        chmodSync(socketPath, 0o600);
        resolve({ close: () => closeServer(server) });
      });
    } finally {
      process.umask(before);
    }
  });
}

/** Serves on a TCP port; port 0 takes a free one. Rejects if the address cannot be had. */
export function servePort(
  api: Hono,
  address: { readonly host: string; readonly port: number },
): Promise<ApiServer> {
  const server = createAdaptorServer({ fetch: api.fetch }) as Server;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => resolve({ close: () => closeServer(server) }));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
