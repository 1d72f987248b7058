// Responses from resources that are encoded already: what is sent to a thousand proxies is only copied.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Resource } from "./provider.ts";

/** A `DeltaDiscoveryResponse`. https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/service/discovery/v3/discovery.proto */
export interface ResponseContent {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}

// Field number and wire type, of a length-delimited field.
const resourcesTag = (2 << 3) | WireType.LengthDelimited;
const typeUrlTag = (4 << 3) | WireType.LengthDelimited;
const nonceTag = (5 << 3) | WireType.LengthDelimited;
const removedTag = (6 << 3) | WireType.LengthDelimited;

/** Encodes a response into one buffer of the right size. */
export function encodeResponse(response: ResponseContent): Buffer {
  const fields: { readonly tag: number; readonly value: Uint8Array }[] = [];
  for (const resource of response.resources) fields.push({ tag: resourcesTag, value: resource.encoded });
  fields.push({ tag: typeUrlTag, value: Buffer.from(response.typeUrl) });
  fields.push({ tag: nonceTag, value: Buffer.from(response.nonce) });
  for (const name of response.removed) fields.push({ tag: removedTag, value: Buffer.from(name) });
  let size = 0;
  for (const { value } of fields) size += 1 + lengthOfVarint(value.length) + value.length;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { tag, value } of fields) {
    bytes[at++] = tag;
    at = writeVarint(bytes, at, value.length);
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
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

function lengthOfVarint(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) length++;
  return length;
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}
