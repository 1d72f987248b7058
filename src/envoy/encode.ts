// Envoy messages → what the xDS server sends: encoded once, with a version that changes exactly when the bytes do.
import { createHash } from "node:crypto";
import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import type { Origin } from "#model/reference.ts";
import type { Reference, Resource } from "#xds/provider.ts";

/** What an encoded resource carries beside its message. */
export interface ResourceContext {
  readonly references?: readonly Reference[];
  readonly origins?: readonly Origin[];
  /** Whether requests wait for it by name: virtual hosts do, and Envoy finds them by an alias. */
  readonly awaited?: boolean;
  /** Instead of the hash of the bytes, where these differ between replicas though they mean the same. */
  readonly version?: string;
}

/** A message under its name. */
export function encodeResource<Desc extends DescMessage>(
  schema: Desc,
  name: string,
  message: MessageShape<Desc>,
  context: ResourceContext = {},
): Resource {
  const resource = anyPack(schema, message);
  const version =
    context.version ?? createHash("sha1").update(resource.value).digest("base64url").slice(0, 16);
  return {
    kind: "resource",
    name,
    version,
    encoded: toBinary(
      ResourceSchema,
      create(ResourceSchema, { name, aliases: context.awaited === true ? [name] : [], version, resource }),
    ),
    references: context.references ?? [],
    origins: context.origins ?? [],
  };
}

/** A resource without content: the name was asked for and means nothing. */
export function encodeAbsence(name: string): Resource {
  const version = "absent";
  const encoded = toBinary(ResourceSchema, create(ResourceSchema, { name, aliases: [name], version }));
  return { kind: "resource", name, version, encoded, references: [], origins: [] };
}
