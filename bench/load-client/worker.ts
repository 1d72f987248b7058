// A process full of proxies: one connection and one delta ADS stream each.
import { ChannelCredentials, Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import type { ResourceName } from "#xds/provider.ts";
import { monotonicMs } from "../processes.ts";
import type { Target, WorkerCommand, WorkerEvent } from "./messages.ts";
import { Proxy, type ProxyPlan } from "./proxy.ts";

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/** Handshakes under way at once: real proxies do not all start in the same millisecond. */
const maximumConnecting = 50;
const connectDeadlineMs = 60_000;

interface Connection {
  readonly proxy: Proxy;
  readonly client: Client;
  stream: ClientDuplexStream<Uint8Array, Uint8Array>;
  bytes: number;
  syncedAt: number;
}

const connections: Connection[] = [];
const errors: string[] = [];
const unsent: [Connection, Uint8Array][] = [];
let watched: { readonly resource: ResourceName; readonly times: Map<Proxy, number> } | undefined;
let unsynced = 0;
let isClosing = false;

process.on("message", (command: WorkerCommand) => {
  run(command).catch((error: unknown) => {
    report({
      kind: "failed",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
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
      unsynced = connections.length;
      for (const connection of connections) {
        connection.stream.cancel();
        connection.bytes = 0;
        attach(connection);
      }
      return;
    case "count":
      return report({
        kind: "counted",
        bytes: connections.reduce((all, each) => all + each.bytes, 0),
        errors,
      });
    case "close":
      isClosing = true;
      for (const { client, stream } of connections) {
        stream.cancel();
        client.close();
      }
      process.disconnect();
  }
}

async function openAll(target: Target, plans: readonly ProxyPlan[]): Promise<void> {
  const channelCredentials =
    target.rootPem === undefined
      ? credentials.createInsecure()
      : ChannelCredentials.createSsl(Buffer.from(target.rootPem));
  const waiting = [...plans];
  const openSome = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift())
      await open(plan, target, channelCredentials);
  };
  await Promise.all(Array.from({ length: maximumConnecting }, openSome));
}

async function open(plan: ProxyPlan, target: Target, channelCredentials: ChannelCredentials): Promise<void> {
  const client = new Client(target.address, channelCredentials, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_channelz": 0,
    "grpc.ssl_target_name_override": target.serverName,
    "grpc.default_authority": target.serverName,
  });
  await new Promise<void>((resolve, reject) =>
    client.waitForReady(Date.now() + connectDeadlineMs, (error) => (error ? reject(error) : resolve())),
  );
  const proxy = new Proxy(plan, {
    send: (request) => sendSoon(connection, request),
    received: (name) => received(proxy, name),
    synced: () => {
      connection.syncedAt = monotonicMs();
      if (--unsynced > 0) return;
      report({
        kind: "synced",
        times: connections.map(({ syncedAt }) => syncedAt),
        bytes: connections.map(({ bytes }) => bytes),
      });
    },
  });
  const connection: Connection = { proxy, client, stream: newStream(client, plan), bytes: 0, syncedAt: 0 };
  connections.push(connection);
  listen(connection);
}

/** After everything that has arrived by now was looked at: one proxy's answers must not delay what another one hears. */
function sendSoon(connection: Connection, request: Uint8Array): void {
  if (unsent.length === 0)
    setImmediate(() => {
      for (const [{ stream }, bytes] of unsent.splice(0)) stream.write(bytes);
    });
  unsent.push([connection, request]);
}

function newStream(client: Client, plan: ProxyPlan): Connection["stream"] {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${plan.token}`);
  return client.makeBidiStreamRequest(path, asBuffer, (bytes) => bytes, metadata);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function attach(connection: Connection): void {
  connection.stream = newStream(connection.client, connection.proxy.plan);
  listen(connection);
}

function listen(connection: Connection): void {
  const { stream, proxy } = connection;
  const { delayMs } = proxy.plan;
  stream.on("data", (bytes: Uint8Array) => {
    connection.bytes += bytes.length;
    if (delayMs === 0) return proxy.receive(bytes);
    stream.pause();
    setTimeout(() => {
      proxy.receive(bytes);
      stream.resume();
    }, delayMs);
  });
  stream.on("error", (error) => {
    if (!isClosing && connection.stream === stream) errors.push(`${proxy.plan.id}: ${error.message}`);
  });
  proxy.connected();
}

function received(proxy: Proxy, { typeUrl, name }: ResourceName): void {
  if (watched === undefined || watched.resource.typeUrl !== typeUrl || watched.resource.name !== name) return;
  if (watched.times.has(proxy)) return;
  watched.times.set(proxy, monotonicMs());
  if (watched.times.size < connections.length) return;
  report({ kind: "arrived", times: [...watched.times.values()] });
  watched = undefined;
}

function report(event: WorkerEvent): void {
  process.send?.(event);
}
