import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import type { ConfigMap } from "#model/kubernetes/configuration.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { objectKey } from "#model/reference.ts";
import type { DirectorySource } from "#sources/directory/directory.ts";
import { allocateServiceAddresses } from "./addresses.ts";
import type { Configuration } from "./containers/environment.ts";
import { type ServiceEndpoints, serviceEndpoints } from "./network/service-endpoints.ts";

/** Addresses of services: each keeps its own for as long as the state directory lives. */
export interface ServiceAddresses {
  /** Gives new services an address, and writes all down for the control plane. */
  update(services: readonly Service[]): void;
  of(service: Service): string | undefined;
}

/** Reads the addresses given before from `file`. A damaged file is as good as none: addresses are given anew. */
export function openServiceAddresses(file: string): ServiceAddresses {
  let known = readAddresses(file);
  let written = JSON.stringify(known);
  return {
    of: (service) => service.spec.clusterIP ?? known[objectKey(service.metadata)],
    update(services) {
      const chosen = services.flatMap(({ spec }) => (spec.clusterIP === undefined ? [] : [spec.clusterIP]));
      const wanting = services
        .filter(({ spec }) => spec.clusterIP === undefined && spec.type !== "ExternalName")
        .map(({ metadata }) => objectKey(metadata));
      known = allocateServiceAddresses(wanting.sort(), known, new Set(chosen));
      const text = JSON.stringify(known);
      if (text === written) return;
      written = text;
      const draft = join(dirname(file), ".service-addresses");
      writeFileSync(draft, text, { mode: 0o600 });
      renameSync(draft, file);
    },
  };
}

function readAddresses(file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  } catch {
    return {};
  }
}

/** The ConfigMaps and Secrets of a namespace, with the trust bundle that Heddle keeps in each. */
export function configurationOf(
  source: DirectorySource,
  trustBundle: (namespace: string) => ConfigMap,
): (namespace: string) => Configuration {
  return (namespace) => ({
    configMap: (name) =>
      name === trustBundleConfigMap
        ? trustBundle(namespace)
        : source.objects.configMaps.get(objectKey({ namespace, name })),
    secret: (name) => source.objects.secrets.get(objectKey({ namespace, name })),
  });
}

/** The services with what stands behind them, found by name. */
export function endpointsByName(
  source: DirectorySource,
  services: readonly Service[],
  pods: readonly Pod[],
  addresses: ServiceAddresses,
): ReadonlyMap<string, ServiceEndpoints> {
  // Without a cluster the source also derives slices, from pods that have no address: they say nothing.
  const slices = [...source.objects.endpointSlices.entries()].map(([, slice]) => slice);
  const all = serviceEndpoints(services, pods, slices, (service) => addresses.of(service));
  return new Map(all.map((entry) => [objectKey(entry), entry]));
}
