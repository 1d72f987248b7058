// Everything that the proxies of a mesh may ask for.
import { fromBinary } from "@bufbuild/protobuf";
import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { clientOfKey } from "#compile/clients/clients.ts";
import { sidecarOfClient } from "#compile/outbound/reach.ts";
import type { Proxy } from "#model/workload.ts";
import type { ResourceName } from "#xds/provider.ts";
import { clusterType, listenerType, routeConfigurationType, virtualHostType } from "#xds/type-urls.ts";
import type { meshGraph } from "./mesh-graph.ts";

/** A message as a proxy gets it. */
export interface Served extends ResourceName {
  readonly version: string;
  readonly message: Uint8Array;
}

/** Reads all resources of all proxies; each is kept up to date from then on, so that reading again is quick. */
export function serving({ graph, mesh, provider }: ReturnType<typeof meshGraph>): () => Iterable<Served> {
  const destinations = graph.single("dialled", (fetch) => {
    const services = fetch
      .all(mesh.services)
      .flatMap(({ addresses, ports }) =>
        addresses.flatMap((address) => ports.map(({ port }) => `${address.replace(/\/.*/, "")}:${port}`)),
      );
    const hosts = fetch.all(mesh.clients).flatMap(({ key }) => {
      const { egressAddresses = [] } = sidecarOfClient(mesh, fetch, clientOfKey(key)) ?? {};
      return egressAddresses.map(({ address, port }) => `${address}:${port}`);
    });
    return [...new Set([...services, ...hosts])];
  });
  const retained = new Set<string>();
  const names = (proxy: Proxy, typeUrl: string): readonly ResourceName[] => {
    const key = provider.wildcardKeyOf(proxy, typeUrl);
    if (!retained.has(key)) provider.wildcards.retain(key);
    retained.add(key);
    graph.settle();
    return (provider.wildcards.get(key) ?? []).map((name) => ({ typeUrl, name }));
  };
  const get = (key: string) => {
    if (!retained.has(key)) {
      provider.resources.retain(key);
      retained.add(key);
      graph.settle();
    }
    return provider.resources.get(key);
  };
  return function* () {
    graph.settle();
    const seen = new Set<string>();
    for (const [, { namespace, pod }] of mesh.workloads.entries()) {
      const proxy: Proxy = { namespace, pod, podUid: "", serviceAccount: "", balancesByLatency: false };
      const own = [...names(proxy, listenerType), ...names(proxy, clusterType)];
      const asked: ResourceName[] = [
        ...own,
        ...own.map(({ name }) => ({ typeUrl: routeConfigurationType, name })),
        { typeUrl: routeConfigurationType, name: "outbound" },
        ...(destinations.value ?? []).flatMap((address) => [
          { typeUrl: virtualHostType, name: `outbound/${address}` },
          { typeUrl: clusterType, name: `tcp|${address}` },
        ]),
      ];
      for (const name of asked) {
        const key = provider.keyOf(proxy, name);
        if (seen.has(key)) continue;
        seen.add(key);
        const found = get(key);
        if (found?.kind !== "resource") continue;
        asked.push(...found.references);
        const message = fromBinary(ResourceSchema, found.encoded).resource?.value;
        if (message !== undefined) yield { ...name, version: found.version, message };
      }
    }
  };
}
