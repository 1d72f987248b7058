import {
  type Client,
  type ClientReadableStream,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type MethodDefinition,
  makeGenericClientConstructor,
  type requestCallback,
  type ServiceDefinition,
} from "@grpc/grpc-js";

export interface RatingRequest {
  readonly book: string;
}

export interface Rating {
  readonly book: string;
  readonly stars: number;
  readonly votes: number;
  readonly pod: string;
}

/** gRPC does not mind what its messages are made of; JSON spares this example a code generator. */
function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function method<Request, Response>(path: string, stream: boolean): MethodDefinition<Request, Response> {
  return {
    path,
    requestStream: false,
    responseStream: stream,
    requestSerialize: encode,
    requestDeserialize: (bytes) => JSON.parse(bytes.toString()) as Request,
    responseSerialize: encode,
    responseDeserialize: (bytes) => JSON.parse(bytes.toString()) as Response,
  };
}

/** `get` answers once; `watch` answers now and whenever somebody votes. */
export const ratingsDefinition = {
  get: method<RatingRequest, Rating>("/bookstore.Ratings/Get", false),
  watch: method<RatingRequest, Rating>("/bookstore.Ratings/Watch", true),
} satisfies ServiceDefinition;

export interface RatingsHandlers {
  readonly get: handleUnaryCall<RatingRequest, Rating>;
  readonly watch: handleServerStreamingCall<RatingRequest, Rating>;
}

export interface RatingsClient extends Client {
  get(request: RatingRequest, options: { deadline: number }, done: requestCallback<Rating>): void;
  watch(request: RatingRequest): ClientReadableStream<Rating>;
}

export const RatingsClient = makeGenericClientConstructor(ratingsDefinition, "Ratings") as unknown as new (
  ...parameters: ConstructorParameters<typeof Client>
) => RatingsClient;
