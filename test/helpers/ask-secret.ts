// Asks a control plane for the certificate `default`, with whatever token and node id it is told, and prints the SANs
// that come back or the status that the stream ends with. Arguments: ADDRESS ROOT_PEM_FILE NODE_ID TOKEN.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { SecretSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { secretType } from "#xds/type-urls.ts";

const [address = "", rootFile = "", nodeId = "", token = ""] = process.argv.slice(2);
const client = new Client(address, credentials.createSsl(readFileSync(rootFile)), {
  "grpc.ssl_target_name_override": "heddle.heddle-system.svc",
});
const metadata = new Metadata();
if (token !== "") metadata.set("authorization", `Bearer ${token}`);
const asIs = (bytes: Buffer): Buffer => bytes;
const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const call = client.makeBidiStreamRequest(path, asIs, asIs, metadata);

function end(result: string): void {
  console.log(result);
  process.exit(0);
}

call.on("data", (bytes: Buffer) => {
  for (const { resource } of fromBinary(DeltaDiscoveryResponseSchema, bytes).resources) {
    const secret = resource === undefined ? undefined : fromBinary(SecretSchema, resource.value);
    const chain =
      secret?.type.case === "tlsCertificate"
        ? secret.type.value.certificateChain?.specifier.value
        : undefined;
    if (typeof chain === "string") end(new X509Certificate(chain).subjectAltName ?? "no SAN");
  }
});
call.on("error", () => {});
call.on("status", ({ code, details }: { code: number; details: string }) => end(`${code} ${details}`));
call.write(
  Buffer.from(
    toBinary(
      DeltaDiscoveryRequestSchema,
      create(DeltaDiscoveryRequestSchema, {
        node: { id: nodeId, cluster: nodeId },
        typeUrl: secretType,
        resourceNamesSubscribe: ["default"],
      }),
    ),
  ),
);
setTimeout(() => end("no answer"), 60_000);
