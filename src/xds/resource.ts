import { createHash } from "node:crypto";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Origin } from "#model/reference.ts";
import type { Resource, ResourceName } from "./provider.ts";

/** What makes a resource. */
export interface ResourceContent extends ResourceName {
  /** The encoded Envoy message of the type. */
  readonly value: Uint8Array;
  /** Other names by which it answers; see `Resource.aliases` of the protocol. */
  readonly aliases?: readonly string[];
  /** Default: a hash of the message. */
  readonly version?: string;
  readonly references?: readonly ResourceName[];
  readonly origins?: readonly Origin[];
}

/** Encodes a resource as it goes into responses (`envoy.service.discovery.v3.Resource`). */
export function encodeResource(content: ResourceContent): Resource {
  const { name, value, aliases = [], version = contentHash(value) } = content;
  const any = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(content.typeUrl)
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .finish();
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(version);
  writer.tag(2, WireType.LengthDelimited).bytes(any);
  writer.tag(3, WireType.LengthDelimited).string(name);
  for (const alias of aliases) writer.tag(4, WireType.LengthDelimited).string(alias);
  const { references = [], origins = [] } = content;
  return { kind: "resource", name, version, encoded: writer.finish(), references, origins };
}

/**
 * The answer to a virtual host that does not exist: a name without content. `removed_resources` would leave the
 * request that asked for it waiting. https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/vhds
 */
export function absentVirtualHost(name: string): Resource {
  const version = "absent";
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(version);
  writer.tag(3, WireType.LengthDelimited).string(name);
  writer.tag(4, WireType.LengthDelimited).string(name);
  return { kind: "resource", name, version, encoded: writer.finish(), references: [], origins: [] };
}

/** The body of a `DeltaDiscoveryResponse`, from resources that are encoded already. */
export function encodeResponse(response: {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}): Uint8Array {
  const writer = new BinaryWriter();
  for (const resource of response.resources)
    writer.tag(2, WireType.LengthDelimited).bytes(resource.encoded);
  writer.tag(4, WireType.LengthDelimited).string(response.typeUrl);
  writer.tag(5, WireType.LengthDelimited).string(response.nonce);
  for (const name of response.removed) writer.tag(6, WireType.LengthDelimited).string(name);
  return writer.finish();
}

function contentHash(value: Uint8Array): string {
  return createHash("sha256").update(value).digest("base64url").slice(0, 16);
}
