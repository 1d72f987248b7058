import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type MethodDefinition,
  makeGenericClientConstructor,
  type requestCallback,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type status,
} from "@grpc/grpc-js";

export interface EchoRequest {
  readonly text: string;
  /** How many answers `stream` gives (default 3). */
  readonly count?: number;
  /** Milliseconds between them, and before the one of `unary`. */
  readonly interval?: number;
  /** Answer with this gRPC status instead. */
  readonly status?: status;
}

export interface EchoReply {
  readonly name: string;
  readonly text: string;
  /** Request headers. */
  readonly headers: Readonly<Record<string, unknown>>;
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function method(
  name: string,
  requestStream: boolean,
  responseStream: boolean,
): MethodDefinition<EchoRequest, EchoReply> {
  return {
    path: `/heddle.test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: encode,
    requestDeserialize: (bytes) => JSON.parse(bytes.toString()) as EchoRequest,
    responseSerialize: encode,
    responseDeserialize: (bytes) => JSON.parse(bytes.toString()) as EchoReply,
  };
}

const definition = {
  unary: method("Unary", false, false),
  stream: method("Stream", false, true),
  chat: method("Chat", true, true),
} satisfies ServiceDefinition;

export interface EchoClient extends Client {
  unary(
    request: EchoRequest,
    metadata: Metadata,
    options: { deadline: number },
    done: requestCallback<EchoReply>,
  ): void;
  stream(request: EchoRequest, metadata: Metadata): ClientReadableStream<EchoReply>;
  chat(metadata: Metadata): ClientDuplexStream<EchoRequest, EchoReply>;
}

export const EchoClient = makeGenericClientConstructor(definition, "Echo") as unknown as new (
  ...parameters: ConstructorParameters<typeof Client>
) => EchoClient;

/** Serves `heddle.test.Echo`; its messages are JSON. */
export function serveGrpc(port: number, host: string, name: string): void {
  const reply = (request: EchoRequest, metadata: Metadata): EchoReply => ({
    name,
    text: request.text,
    headers: metadata.getMap(),
  });
  const unary: handleUnaryCall<EchoRequest, EchoReply> = ({ request, metadata }, done) => {
    setTimeout(() => {
      if (request.status) done({ code: request.status, details: request.text });
      else done(null, reply(request, metadata));
    }, request.interval ?? 0);
  };
  const stream: handleServerStreamingCall<EchoRequest, EchoReply> = (call) => {
    let left = call.request.count ?? 3;
    const timer = setInterval(() => {
      call.write(reply(call.request, call.metadata));
      left -= 1;
      if (left > 0) return;
      clearInterval(timer);
      call.end();
    }, call.request.interval ?? 1);
    call.on("cancelled", () => clearInterval(timer));
  };
  const chat: handleBidiStreamingCall<EchoRequest, EchoReply> = (call) => {
    call.on("data", (request: EchoRequest) => call.write(reply(request, call.metadata)));
    call.on("end", () => call.end());
    call.on("error", () => undefined);
  };
  const server = new Server();
  server.addService(definition, { unary, stream, chat });
  server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
  });
}
