// Definitions of custom resources → what gen/ has of them.
import { readFileSync } from "node:fs";
import { loadAll } from "js-yaml";
import { customResourceDefinitions } from "#install/crds/definitions.ts";
import { compact, type Published } from "./compact.ts";
import type { Schema } from "./schema.ts";

/** Custom resources whose structure is kept. */
export const CUSTOM_KINDS = [
  "gateway.networking.k8s.io/HTTPRoute",
  "gateway.networking.k8s.io/GRPCRoute",
  "gateway.networking.k8s.io/TCPRoute",
  "gateway.networking.k8s.io/TLSRoute",
  "gateway.networking.k8s.io/ReferenceGrant",
  "gateway.networking.k8s.io/GatewayClass",
  "gateway.networking.k8s.io/Gateway",
  "gateway.networking.x-k8s.io/XBackendTrafficPolicy",
  "networking.istio.io/VirtualService",
  "networking.istio.io/DestinationRule",
  "networking.istio.io/ServiceEntry",
  "networking.istio.io/WorkloadEntry",
  "networking.istio.io/Sidecar",
  "networking.istio.io/Gateway",
  "heddle.dev/RateLimit",
  "heddle.dev/AdaptiveConcurrency",
] as const;

/** The `spec` of a CustomResourceDefinition, as far as it is read. */
export interface CustomResource {
  readonly group: string;
  readonly scope: string;
  readonly names: { readonly kind: string; readonly plural: string };
  readonly versions: readonly {
    readonly name: string;
    readonly schema: { readonly openAPIV3Schema: Published };
  }[];
}

interface CustomResourceDefinition {
  readonly kind: string;
  readonly spec: CustomResource;
}

/** Those that files of YAML define. */
export function publishedResources(files: readonly string[]): readonly CustomResource[] {
  return files
    .flatMap((file) => loadAll(readFileSync(file, "utf8")) as CustomResourceDefinition[])
    .filter((document) => document?.kind === "CustomResourceDefinition")
    .map((document) => document.spec);
}

/** Those of Heddle. */
export function ownResources(): readonly CustomResource[] {
  return customResourceDefinitions("any").map(
    (definition) => (definition as unknown as CustomResourceDefinition).spec,
  );
}

/** The schema of the version of a kind (`group/Kind`) that is to be used first. */
export function customSchema(name: string, resources: readonly CustomResource[]): Schema {
  const resource = resources.find(({ group, names }) => `${group}/${names.kind}` === name);
  const version = byStability(resource?.versions.map((candidate) => candidate.name) ?? [])[0];
  const published = resource?.versions.find((candidate) => candidate.name === version)?.schema
    .openAPIV3Schema;
  if (published === undefined) throw new Error(`no definition of ${name}`);
  const schema = compact(published);
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { ref: "meta.v1.ObjectMeta" },
      status: { open: true },
    },
    required: ["spec"],
  };
}

/** Versions with the one to recommend first: stable before beta before alpha. */
export function byStability(versions: readonly string[]): string[] {
  return [...versions].sort((a, b) => stability(b).localeCompare(stability(a)));
}

/** `v1alpha1` < `v1beta1` < `v1z` < `v2z` */
function stability(version: string): string {
  return version.replace(/^(v\d+)$/u, "$1z");
}
