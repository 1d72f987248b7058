// Responses from resources that are encoded already.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Resource } from "./provider.ts";

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
  for (const resource of response.resources) writer.tag(2, WireType.LengthDelimited).bytes(resource.encoded);
  writer.tag(4, WireType.LengthDelimited).string(response.typeUrl);
  writer.tag(5, WireType.LengthDelimited).string(response.nonce);
  for (const name of response.removed) writer.tag(6, WireType.LengthDelimited).string(name);
  return writer.finish();
}
