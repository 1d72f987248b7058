// Envoy messages as YAML that reads like Envoy's documentation: every packed message is unfolded.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import * as yaml from "js-yaml";

const descriptors = fileURLToPath(import.meta.resolve("../../packages/envoy-api/descriptors.binpb"));

/** Every message type of Envoy's API. */
export const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));

export function toEnvoyJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>) {
  return toJson(schema, message, { registry, useProtoFieldName: true });
}

export function toEnvoyYaml<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return yaml.dump(toEnvoyJson(schema, message), { noRefs: true, lineWidth: 110 });
}
