// A process full of proxies: one connection and one delta ADS stream each.
import type { ResourceName } from "#xds/provider.ts";
import { monotonicMs } from "../processes.ts";
import { sum } from "../statistics.ts";
import type { Target, WorkerCommand, WorkerEvent } from "./messages.ts";
import { Proxy, type ProxyPlan } from "./proxy.ts";
import { type Connection, connectTo, type Stream } from "./stream.ts";

/** Handshakes under way at once: real proxies do not all start in the same millisecond. */
const maximumConnecting = 50;

/** A proxy with its connection, and the stream that is open on it. */
interface Client {
  readonly proxy: Proxy;
  readonly connection: Connection;
  stream: Stream | undefined;
  bytes: number;
  syncedAt: number;
}

const clients: Client[] = [];
const errors: string[] = [];
const unsent: [Client, Uint8Array][] = [];
let watched: { readonly resource: ResourceName; readonly times: Map<Proxy, number> } | undefined;
let unsynced = 0;

process.on("message", (command: WorkerCommand) => {
  run(command).catch((error: unknown) => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    report({ kind: "failed", message });
  });
});
process.on("disconnect", () => process.exit());
report({ kind: "ready" });

async function run(command: WorkerCommand): Promise<void> {
  switch (command.kind) {
    case "open":
      unsynced = command.plans.length;
      return openAll(command.target, command.plans);
    case "watch":
      watched = { resource: command.resource, times: new Map() };
      return report({ kind: "watching" });
    case "reconnect":
      unsynced = clients.length;
      for (const client of clients) {
        client.stream?.close();
        client.bytes = 0;
        openStream(client);
      }
      return;
    case "count":
      return report({ kind: "counted", bytes: sum(clients.map(({ bytes }) => bytes)), errors });
    case "close":
      for (const { connection, stream } of clients) {
        stream?.close();
        connection.close();
      }
      process.disconnect();
  }
}

async function openAll(target: Target, plans: readonly ProxyPlan[]): Promise<void> {
  const waiting = [...plans];
  const openSome = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) await open(plan, target);
  };
  await Promise.all(Array.from({ length: maximumConnecting }, openSome));
}

async function open(plan: ProxyPlan, target: Target): Promise<void> {
  const proxy = new Proxy(plan, {
    send: (request) => sendSoon(client, request),
    received: (name) => received(proxy, name),
    synced: () => synced(client),
  });
  const client: Client = {
    proxy,
    connection: await connectTo(target),
    stream: undefined,
    bytes: 0,
    syncedAt: 0,
  };
  clients.push(client);
  openStream(client);
}

function openStream(client: Client): void {
  const { proxy, connection } = client;
  const { id, token, delayMs } = proxy.plan;
  const stream = connection.open(token, {
    received: (bytes) => {
      client.bytes += bytes.length;
      if (delayMs === 0) return proxy.receive(bytes);
      stream.pause();
      setTimeout(() => {
        proxy.receive(bytes);
        stream.resume();
      }, delayMs);
    },
    ended: (reason) => errors.push(`${id}: ${reason}`),
  });
  client.stream = stream;
  proxy.connected();
}

/** After everything that has arrived by now was looked at: one proxy's answers must not delay what another one hears. */
function sendSoon(client: Client, request: Uint8Array): void {
  if (unsent.length === 0)
    setImmediate(() => {
      for (const [{ stream }, bytes] of unsent.splice(0)) stream?.send(bytes);
    });
  unsent.push([client, request]);
}

function synced(client: Client): void {
  client.syncedAt = monotonicMs();
  if (--unsynced > 0) return;
  report({
    kind: "synced",
    times: clients.map(({ syncedAt }) => syncedAt),
    bytes: clients.map(({ bytes }) => bytes),
  });
}

function received(proxy: Proxy, { typeUrl, name }: ResourceName): void {
  if (watched === undefined || watched.resource.typeUrl !== typeUrl || watched.resource.name !== name) return;
  if (watched.times.has(proxy)) return;
  watched.times.set(proxy, monotonicMs());
  if (watched.times.size < clients.length) return;
  report({ kind: "arrived", times: [...watched.times.values()] });
  watched = undefined;
}

function report(event: WorkerEvent): void {
  process.send?.(event);
}
