// What a proxy sends, decoded.
import { fromBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryRequestSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { type Node, nodeOf } from "./node.ts";
import type { Request } from "./stream-options.ts";

export interface Message {
  readonly request: Request;
  /** Of no content but in the first message of a stream. */
  readonly node: Node;
}

/** Throws for what is no message. */
export function decodeMessage(bytes: Uint8Array): Message {
  const message = fromBinary(DeltaDiscoveryRequestSchema, bytes);
  return {
    node: nodeOf(message.node),
    request: {
      typeUrl: message.typeUrl,
      nonce: message.responseNonce,
      error: message.errorDetail?.message,
      subscribe: message.resourceNamesSubscribe,
      unsubscribe: message.resourceNamesUnsubscribe,
      initialVersions: message.initialResourceVersions,
    },
  };
}
