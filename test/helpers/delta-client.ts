// A delta ADS client for tests, as strict or as careless as a test wants it.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, Metadata, type StatusObject } from "@grpc/grpc-js";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { until } from "./wait.ts";

/** A response in short: the type's last word, names with versions, removed names. */
export interface Received {
  readonly type: string;
  readonly resources: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
  readonly nonce: string;
  readonly typeUrl: string;
}

/** One stream. */
export interface DeltaClient {
  /** Every response, in order. */
  readonly received: readonly Received[];
  /** How the stream ended, once it has. */
  readonly ended: () => StatusObject | undefined;
  send(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void;
  subscribe(typeUrl: string, names: readonly string[], initialVersions?: Record<string, string>): void;
  ack(response: Received): void;
  nack(response: Received, message: string): void;
  /** The next response that was not looked at. */
  next(): Promise<Received>;
  /** Fails if anything unseen has come or comes within a moment. */
  quiet(): Promise<void>;
  close(): void;
}

export interface DeltaClientOptions {
  readonly address: string;
  readonly rootPem: string;
  readonly token?: string;
  /** A name in the server's certificate. Default: that of tests. */
  readonly serverName?: string;
  /** Default: every response is acknowledged when it is read by `next`. */
  readonly acknowledge?: boolean;
}

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const asIs = (bytes: Buffer): Buffer => bytes;

/** Opens a stream over TLS. */
export function openDeltaClient(options: DeltaClientOptions): DeltaClient {
  const client = new Client(options.address, credentials.createSsl(Buffer.from(options.rootPem)), {
    "grpc.ssl_target_name_override": options.serverName ?? "heddle.test",
    "grpc.default_authority": options.serverName ?? "heddle.test",
  });
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, asIs, asIs, metadata);
  const received: Received[] = [];
  let ended: StatusObject | undefined;
  let seen = 0;
  call.on("data", (bytes: Buffer) => received.push(inShort(fromBinary(DeltaDiscoveryResponseSchema, bytes))));
  call.on("status", (status: StatusObject) => (ended = status)).on("error", () => {});
  const send: DeltaClient["send"] = (request) =>
    call.write(
      Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))),
    );
  const ack: DeltaClient["ack"] = ({ typeUrl, nonce }) => send({ typeUrl, responseNonce: nonce });
  return {
    received,
    ended: () => ended,
    send,
    ack,
    subscribe: (typeUrl, names, initialVersions = {}) =>
      send({
        typeUrl,
        resourceNamesSubscribe: [...names],
        initialResourceVersions: initialVersions,
        node: { id: "node" },
      }),
    nack: ({ typeUrl, nonce }, message) =>
      send({ typeUrl, responseNonce: nonce, errorDetail: { code: 3, message } }),
    next: async () => {
      await until(() => received.length > seen, `response ${seen + 1}`);
      const response = received[seen++] as Received;
      if (options.acknowledge !== false) ack(response);
      return response;
    },
    quiet: async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      if (received.length > seen) throw new Error(`unexpected: ${JSON.stringify(received.slice(seen))}`);
    },
    close: () => {
      call.cancel();
      client.close();
    },
  };
}

function inShort(response: DeltaDiscoveryResponse): Received {
  return {
    type: response.typeUrl.slice(response.typeUrl.lastIndexOf(".") + 1),
    typeUrl: response.typeUrl,
    nonce: response.nonce,
    resources: Object.fromEntries(response.resources.map(({ name, version }) => [name, version])),
    removed: response.removedResources,
  };
}
