// A small delta ADS server of the tests' own: it answers by a function and remembers what Envoy said, so that
// contract tests do not lean on the server that they justify.
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type Resource,
  ResourceSchema,
} from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { makeScratch } from "./scratch.ts";
import { until } from "./wait.ts";

/** Short names of the resource types, as the log and `resolve` use them. */
export const adsTypes = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  routes: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  virtualHost: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  extension: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
} as const;
export type AdsType = keyof typeof adsTypes;

/** One resource to send. */
export interface AdsResource {
  readonly type: AdsType;
  readonly resource: Resource;
}

/** What Envoy said, in order. `names` of a wildcard subscription are `["*"]`. */
export type AdsEvent =
  | { readonly kind: "stream"; readonly metadata: Readonly<Record<string, unknown>>; readonly stream: number }
  | {
      readonly kind: "subscribe" | "unsubscribe";
      readonly type: AdsType;
      readonly names: readonly string[];
      readonly initialVersions: Readonly<Record<string, string>>;
      readonly stream: number;
    }
  | { readonly kind: "ack"; readonly type: AdsType; readonly nonce: string; readonly stream: number }
  | {
      readonly kind: "nack";
      readonly type: AdsType;
      readonly nonce: string;
      readonly message: string;
      readonly stream: number;
    }
  | { readonly kind: "ended"; readonly stream: number };

/** The answer to one subscribed name: resources of any type, nothing for "does not exist", undefined for silence. */
export type Resolve = (type: AdsType, name: string) => readonly AdsResource[] | undefined;

/** A running server. */
export interface AdsServer {
  /** Unix socket for the bootstrap's `pipe` address. */
  readonly path: string;
  /** The TCP port, if `listen` was given. */
  port(): number;
  readonly events: readonly AdsEvent[];
  /** Sends to the newest stream, one response per type, and gives the nonces. */
  send(
    resources: readonly AdsResource[],
    removed?: readonly { type: AdsType; name: string }[],
  ): readonly string[];
  /** Waits for an event, past ones included. */
  event(matches: (event: AdsEvent) => boolean, what: string): Promise<AdsEvent>;
  /** The messages of all NACKs. */
  nacks(): readonly string[];
  /** Names that were subscribed to in one type, in order. */
  subscribed(type: AdsType): readonly string[];
  /** Ends the streams, the server stays. */
  disconnect(): void;
  /** Stops listening and ends everything; `reopen` listens again at the same path. */
  close(): Promise<void>;
  reopen(): Promise<void>;
  dispose(): Promise<void>;
}

/** Sends as `send` does, and waits until Envoy has acknowledged or rejected all of it. */
export async function settle(server: AdsServer, ...sent: Parameters<AdsServer["send"]>): Promise<void> {
  for (const nonce of server.send(...sent))
    await server.event(
      (event) => "nonce" in event && event.nonce === nonce,
      `an answer to response ${nonce}`,
    );
}

/** Makes a resource; its name is the message's `name` or `clusterName` unless given. */
export function ads<D extends DescMessage>(
  type: AdsType,
  schema: D,
  init: MessageInitShape<D>,
  options: { readonly name?: string; readonly aliases?: readonly string[]; readonly version?: string } = {},
): AdsResource {
  const message = create(schema, init);
  const fields = message as { readonly name?: string; readonly clusterName?: string };
  return {
    type,
    resource: create(ResourceSchema, {
      name: options.name ?? fields.name ?? fields.clusterName ?? "",
      aliases: [...(options.aliases ?? [])],
      version: options.version ?? "1",
      resource: anyPack(schema, message),
    }),
  };
}

const sendOrder: readonly AdsType[] = [
  "cluster",
  "endpoints",
  "secret",
  "extension",
  "listener",
  "routes",
  "virtualHost",
];
const typeOf = new Map(Object.entries(adsTypes).map(([type, url]) => [url as string, type as AdsType]));
type Stream = grpc.ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

const service = {
  delta: {
    path: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
    requestStream: true,
    responseStream: true,
    requestSerialize: (message: DeltaDiscoveryRequest) =>
      Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(DeltaDiscoveryRequestSchema, bytes),
    responseSerialize: (message: DeltaDiscoveryResponse) =>
      Buffer.from(toBinary(DeltaDiscoveryResponseSchema, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
  },
} as const;

/** Starts a server on a Unix socket of its own (it crosses namespaces), or with TLS on `listen`. */
export async function startAds(
  resolve: Resolve,
  options: { readonly listen?: string; readonly credentials?: grpc.ServerCredentials } = {},
): Promise<AdsServer> {
  const scratch = makeScratch("ads");
  chmodSync(scratch.path, 0o755);
  const path = join(scratch.path, "ads.sock");
  const events: AdsEvent[] = [];
  const streams: Stream[] = [];
  let nonce = 0;
  let boundPort = 0;
  let server: grpc.Server | undefined;
  const write = (
    stream: Stream,
    resources: readonly AdsResource[],
    removed: readonly { type: AdsType; name: string }[],
  ) =>
    sendOrder.flatMap((type) => {
      const ofType = resources.filter((item) => item.type === type);
      const gone = removed.filter((item) => item.type === type);
      if (ofType.length === 0 && gone.length === 0) return [];
      stream.write(
        create(DeltaDiscoveryResponseSchema, {
          typeUrl: adsTypes[type],
          resources: ofType.map((item) => item.resource),
          removedResources: gone.map((item) => item.name),
          nonce: String(++nonce),
        }),
      );
      return [String(nonce)];
    });
  const answer = (stream: Stream, type: AdsType, names: readonly string[]): void => {
    const answers = names.map((name) => ({ name, resources: resolve(type, name) }));
    const removed = answers.filter(({ name, resources }) => name !== "*" && resources?.length === 0);
    const found = answers.flatMap(({ resources }) => resources ?? []);
    // Two aliases of one resource in one request must be answered once.
    const unique = [...new Map(found.map((item) => [`${item.type} ${item.resource.name}`, item])).values()];
    write(
      stream,
      unique,
      removed.map(({ name }) => ({ type, name })),
    );
  };
  const onRequest = (stream: Stream, number: number, request: DeltaDiscoveryRequest): void => {
    const type = typeOf.get(request.typeUrl);
    if (type === undefined) throw new Error(`Envoy asked for ${request.typeUrl}`);
    const at = { type, stream: number };
    if (request.errorDetail !== undefined)
      events.push({
        kind: "nack",
        nonce: request.responseNonce,
        message: request.errorDetail.message,
        ...at,
      });
    else if (request.responseNonce !== "") events.push({ kind: "ack", nonce: request.responseNonce, ...at });
    const {
      resourceNamesSubscribe: asked,
      resourceNamesUnsubscribe: left,
      initialResourceVersions,
    } = request;
    const wildcard = request.responseNonce === "" && asked.length === 0 && left.length === 0;
    const names = wildcard ? ["*"] : asked;
    const initialVersions = { ...initialResourceVersions };
    if (left.length > 0) events.push({ kind: "unsubscribe", names: left, initialVersions, ...at });
    if (names.length === 0) return;
    events.push({ kind: "subscribe", names, initialVersions, ...at });
    answer(stream, type, names);
  };
  const open = async (): Promise<void> => {
    server = new grpc.Server();
    server.addService(service, {
      delta: (stream: Stream) => {
        const number = streams.push(stream);
        events.push({ kind: "stream", metadata: stream.metadata.getMap(), stream: number });
        stream.on("data", (request: DeltaDiscoveryRequest) => onRequest(stream, number, request));
        stream.on("error", () => {});
        stream.on("end", () => {
          events.push({ kind: "ended", stream: number });
          stream.end();
        });
      },
    });
    const { listen = `unix:${path}`, credentials = grpc.ServerCredentials.createInsecure() } = options;
    await new Promise<void>((done, failed) =>
      server?.bindAsync(listen, credentials, (error, port) => {
        boundPort = port;
        if (error === null) done();
        else failed(error);
      }),
    );
    if (options.listen === undefined) chmodSync(path, 0o777);
  };
  await open();
  const close = async (): Promise<void> => {
    server?.forceShutdown();
    rmSync(path, { force: true });
  };
  return {
    path,
    port: () => boundPort,
    events,
    send: (resources, removed = []) => {
      const stream = streams.at(-1);
      return stream === undefined ? [] : write(stream, resources, removed);
    },
    event: async (matches, what) => {
      await until(() => events.some(matches), what);
      return events.find(matches) as AdsEvent;
    },
    nacks: () => events.flatMap((event) => (event.kind === "nack" ? event.message : [])),
    subscribed: (type) =>
      events.flatMap((event) => (event.kind === "subscribe" && event.type === type ? event.names : [])),
    disconnect: () => streams.at(-1)?.end(),
    close,
    reopen: open,
    dispose: async () => {
      await close();
      scratch.remove();
    },
  };
}
