// Writes gen/: TypeScript for every proto in descriptors.binpb, by protoc-gen-es, without protoc.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

const folder = import.meta.dirname;
const output = join(folder, "gen");
const { file: protoFile } = fromBinary(
  FileDescriptorSetSchema,
  readFileSync(join(folder, "descriptors.binpb")),
);
const request = create(CodeGeneratorRequestSchema, {
  // The well-known types come from the protobuf runtime itself.
  fileToGenerate: protoFile.map((file) => file.name).filter((name) => !name.startsWith("google/protobuf/")),
  protoFile,
  parameter: "target=ts,import_extension=ts,erasable_syntax=true",
});
const plugin = spawnSync("protoc-gen-es", {
  input: toBinary(CodeGeneratorRequestSchema, request),
  maxBuffer: 2 ** 30,
});
if (plugin.error !== undefined) throw plugin.error;
if (plugin.status !== 0) throw new Error(plugin.stderr.toString());
const response = fromBinary(CodeGeneratorResponseSchema, plugin.stdout);
if (response.error !== undefined && response.error !== "") throw new Error(response.error);
rmSync(output, { recursive: true, force: true });
for (const { name, content } of response.file) {
  const path = join(output, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
