import assert from "node:assert/strict";
import test from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import type { Resource } from "./provider.ts";
import { absentVirtualHost, encodeResponse } from "./response.ts";

function resource(name: string, size: number): Resource {
  const message = create(ResourceSchema, {
    name,
    version: "1",
    resource: { typeUrl: "t", value: Buffer.alloc(size, 7) },
  });
  const encoded = toBinary(ResourceSchema, message);
  return { kind: "resource", name, version: "1", encoded, references: [], origins: [] };
}

test("a response is what the protobuf library would have written, for resources of any size", () => {
  const resources = [0, 1, 100, 127, 128, 16_383, 16_384, 3_000_000].map((size) =>
    resource(`r${size}`, size),
  );
  const bytes = encodeResponse({
    typeUrl: "type.googleapis.com/x",
    nonce: "12",
    resources,
    removed: ["ü", "b"],
  });
  const message = create(DeltaDiscoveryResponseSchema, {
    typeUrl: "type.googleapis.com/x",
    nonce: "12",
    resources: resources.map(({ encoded }) => fromBinary(ResourceSchema, encoded)),
    removedResources: ["ü", "b"],
  });
  assert.ok(bytes.equals(toBinary(DeltaDiscoveryResponseSchema, message)));
});

test("a virtual host that does not exist is a name that answers to itself, without content", () => {
  const message = fromBinary(ResourceSchema, absentVirtualHost("outbound/10.0.0.1:80").encoded);
  assert.equal(message.name, "outbound/10.0.0.1:80");
  assert.deepEqual(message.aliases, ["outbound/10.0.0.1:80"]);
  assert.equal(message.resource, undefined);
});
