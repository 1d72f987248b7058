// The xDS server: delta ADS streams over gRPC, fed by a provider whose resources are computed once for all of them.
import { type Server, type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { Authenticate } from "./authentication.ts";
import { decodeMessage, type Message } from "./message.ts";
import type { Node } from "./node.ts";
import type { Provider, ResourceName } from "./provider.ts";
import type { Rejection } from "./rejection.ts";
import {
  type Acknowledgement,
  type ProxyStatus,
  type RejectionStatus,
  rejectionsOf,
  sumOfAcknowledgements,
  typeStatus,
} from "./status.ts";
import { Stream } from "./stream.ts";
import type { Request } from "./stream-options.ts";
import { Watches } from "./watches.ts";
import { WildcardWatches } from "./wildcard-watches.ts";

/** What workloads used before, so that it can be sent ahead. */
export interface Learned<Client> {
  namesFor(client: Client): readonly ResourceName[];
  used(client: Client, names: readonly ResourceName[]): void;
}

export interface XdsServerOptions<Client> {
  readonly provider: Provider<Client>;
  readonly authenticate: Authenticate<Client>;
  /** What becomes known of a client by what it says of itself at first; by default nothing. */
  readonly describe?: (client: Client, node: Node) => Client;
  readonly learned?: Learned<Client>;
  /** A stream ends after 80-100 % of this, which renews the token. Default: 30 minutes. */
  readonly maximumStreamAgeMs?: number;
  /** Beyond so many names of a type, a stream forgets what was never asked for or does not exist. Default: 2,000. */
  readonly onDemandLimit?: number;
  /** How long a reconnected proxy may take to say what it still uses, before clusters are taken away. Default: 2 s. */
  readonly reconnectGraceMs?: number;
  /** Called once for each resource that a proxy rejects; `proxies()` has those that still are. */
  readonly onRejected?: (proxyId: string, rejection: Rejection) => void;
}

export interface XdsServer {
  /** Adds the aggregated discovery service to a gRPC server. */
  addTo(server: Server): void;
  /** Every connected proxy, by id. */
  proxies(): readonly ProxyStatus[];
  /** How many of the connected proxies have the latest of what each object made. */
  acknowledgements(): readonly Acknowledgement[];
  /** What connected proxies refuse at present, without saying which. */
  rejections(): readonly RejectionStatus[];
  /** Takes no more streams, and ends those there are one after the other over `spreadMs` (default: at once). */
  close(spreadMs?: number): Promise<void>;
}

type Call = ServerDuplexStream<Buffer, Buffer>;

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/** A proxy that asks for more is broken, or means harm. */
const namesLimit = 50_000;

/** A stream with who is at its other end. */
interface Session {
  readonly id: string;
  readonly stream: Stream;
  readonly call: Call;
  readonly connectedSince: Date;
  readonly node: Node;
  /** A flush that waits for the next turn. */
  deferred: NodeJS.Immediate | undefined;
}

export function createXdsServer<Client>(options: XdsServerOptions<Client>): XdsServer {
  const server = new DiscoveryServer(options);
  return {
    addTo: (grpcServer) => server.addTo(grpcServer),
    proxies: () => server.proxies(),
    acknowledgements: () => server.acknowledgements(),
    rejections: () => server.rejections(),
    close: (spreadMs = 0) => server.close(spreadMs),
  };
}

class DiscoveryServer<Client> {
  readonly #options: XdsServerOptions<Client>;
  readonly #sessions = new Set<Session>();
  readonly #watches: Watches<Client>;
  readonly #wildcards: WildcardWatches<Client, Session>;
  readonly #stale = new Set<Session>();
  #closed = false;

  constructor(options: XdsServerOptions<Client>) {
    this.#options = options;
    this.#watches = new Watches(options.provider);
    this.#wildcards = new WildcardWatches(options.provider, (session, typeUrl) => {
      session.stream.wildcardChanged(typeUrl);
      this.#flushSoon(session);
    });
  }

  addTo(server: Server): void {
    const definition = {
      DeltaAggregatedResources: {
        path,
        requestStream: true,
        responseStream: true,
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      },
    };
    server.addService(definition, { DeltaAggregatedResources: (call: Call) => this.#accept(call) });
  }

  proxies(): readonly ProxyStatus[] {
    return [...this.#sessions]
      .map(({ id, node, connectedSince, stream }) => {
        const deliveries = [...stream.deliveries].filter((delivery) => delivery.subscription.requested);
        return {
          id,
          node,
          connectedSince,
          types: Object.fromEntries(deliveries.map((delivery) => [delivery.typeUrl, typeStatus(delivery)])),
          rejections: rejectionsOf(deliveries),
        };
      })
      .sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
  }

  acknowledgements(): readonly Acknowledgement[] {
    return sumOfAcknowledgements(
      [...this.#sessions].flatMap(({ stream }) =>
        [...stream.acknowledgements().values()].map(({ object, isLatest }) => ({
          object,
          acknowledged: Number(isLatest),
          proxies: 1,
        })),
      ),
    );
  }

  rejections(): readonly RejectionStatus[] {
    return [...this.#sessions].flatMap(({ stream }) => rejectionsOf(stream.deliveries));
  }

  /** Proxies whose streams end come to another replica, which does not want to see all of them in the same moment. */
  async close(spreadMs: number): Promise<void> {
    this.#closed = true;
    const sessions = [...this.#sessions];
    const begun = performance.now();
    for (const [index, { call }] of sessions.entries()) {
      const dueMs = begun + (spreadMs * (index + 1)) / sessions.length - performance.now();
      if (spreadMs > 0 && dueMs > 1) await new Promise((resolve) => setTimeout(resolve, dueMs));
      call.end();
    }
    this.#watches.close();
    this.#wildcards.close();
  }

  #accept(call: Call): void {
    // A peer that goes away is no error of ours; the stream's end is seen by "close".
    call.on("error", () => {});
    const refuse = (code: status, details: string): void => {
      call.emit("error", { code, details });
    };
    if (this.#closed) return refuse(status.UNAVAILABLE, "the control plane is stopping");
    this.#options.authenticate(call.metadata).then(
      (answer) => {
        if (call.cancelled) return;
        if ("refused" in answer) {
          refuse(answer.again === true ? status.UNAVAILABLE : status.UNAUTHENTICATED, answer.refused);
        } else this.#open(call, answer.client, answer.id);
      },
      (error: unknown) => refuse(status.UNAVAILABLE, `the token cannot be checked now: ${String(error)}`),
    );
  }

  /** Serves a call; what is at its other end is known with the first message. */
  #open(call: Call, client: Client, id: string): void {
    const { maximumStreamAgeMs = 30 * 60_000 } = this.#options;
    let session: Session | undefined;
    const age = setTimeout(() => call.end(), maximumStreamAgeMs * (0.8 + 0.2 * Math.random()));
    age.unref();
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      clearTimeout(age);
      if (session !== undefined) this.#end(session);
    };
    call.on("cancelled", close);
    call.on("close", close);
    call.on("finish", close);
    call.on("drain", () => {
      if (isOpen) session?.stream.drained();
    });
    call.on("end", () => call.end());
    call.on("data", (bytes: Uint8Array) => {
      if (!isOpen) return;
      let message: Message;
      try {
        message = decodeMessage(bytes);
      } catch (error) {
        call.emit("error", { code: status.INVALID_ARGUMENT, details: String(error) });
        return;
      }
      session ??= this.#begin(call, client, id, message.node);
      this.#request(session, message.request);
    });
  }

  #begin(call: Call, client: Client, id: string, node: Node): Session {
    const described = this.#options.describe?.(client, node) ?? client;
    const session: Session = {
      id,
      stream: this.#newStream(described, id, call, () => session),
      call,
      connectedSince: new Date(),
      node,
      deferred: undefined,
    };
    this.#sessions.add(session);
    return session;
  }

  #end(session: Session): void {
    this.#sessions.delete(session);
    this.#stale.delete(session);
    clearImmediate(session.deferred);
    session.stream.close();
    this.#wildcards.unwatch(session);
  }

  #request(session: Session, request: Request): void {
    session.stream.request(request);
    if (session.stream.wanted > namesLimit) {
      const details = `more than ${namesLimit} resources are asked for`;
      session.call.emit("error", { code: status.RESOURCE_EXHAUSTED, details });
      return;
    }
    this.#flushSoon(session);
  }

  #newStream(client: Client, id: string, call: Call, session: () => Session): Stream {
    const { provider, learned, onRejected, onDemandLimit = 2000, reconnectGraceMs = 2000 } = this.#options;
    return new Stream({
      onDemandLimit,
      reconnectGraceMs,
      transport: { send: (response) => call.write(response) },
      watch: this.#watches.open(client, (want, value) => {
        session().stream.changed(want, value);
        this.#flushSoon(session());
      }),
      watchWildcard: (typeUrl) => this.#wildcards.watch(session(), client, typeUrl),
      wildcardNames: (typeUrl) => provider.wildcards.get(provider.wildcardKeyOf(client, typeUrl)),
      learned: () => learned?.namesFor(client) ?? [],
      used: (names) => learned?.used(client, names),
      rejected: (rejection) => onRejected?.(id, rejection),
      substitute: (name, rejection) => provider.substitute?.(name, rejection),
      mayKeep: (held, resource, name) => provider.mayKeep?.(held, resource, name) ?? false,
    });
  }

  /** Sends what changed, once for all changes of this turn. */
  #flushSoon(session: Session): void {
    if (this.#stale.size === 0)
      process.nextTick(() => {
        const stale = [...this.#stale];
        this.#stale.clear();
        for (const each of stale) this.#flush(each);
      });
    this.#stale.add(session);
  }

  /** What was asked for just now is known a turn later: it goes out with what is known already, in the right order. */
  #flush(session: Session): void {
    if (session.stream.takeFresh()) {
      clearImmediate(session.deferred);
      session.deferred = setImmediate(() => {
        session.deferred = undefined;
        this.#flush(session);
      });
    } else if (session.deferred === undefined) session.stream.flush();
  }
}

/** Messages are encoded and decoded here, not by the gRPC library. */
function asItIs(bytes: Buffer): Buffer {
  return bytes;
}
