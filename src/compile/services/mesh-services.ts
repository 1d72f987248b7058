// The services of a mesh, whatever kind of object defines them.
import type { Collection, Fetch, Graph } from "#collections/graph.ts";
import { servicesOfEntry } from "#model/istio/service-entries.ts";
import { meshService } from "#model/kubernetes/mesh-service.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { MeshService } from "#model/service.ts";
import type { MeshObjects } from "#sources/objects.ts";
import { serviceKey } from "./services.ts";

export interface MeshServices {
  /** By `serviceKey`. */
  readonly all: Collection<MeshService>;
  /** Those of ServiceEntries, and Services that are names of hosts outside: few, where services may be many. */
  readonly ofEntries: Collection<MeshService>;
}

/** Wires the stages; `purpose` tells those of several users apart. */
export function meshServices(graph: Graph, objects: MeshObjects, purpose: string): MeshServices {
  const namespaceOf = ({ metadata }: KubernetesObject, fetch: Fetch) =>
    fetch.get(objects.namespaces, metadata.namespace ?? "default");
  const ofServices = graph.derive(`services of Service for ${purpose}`, objects.services, (service, fetch) =>
    meshService(service, namespaceOf(service, fetch)),
  );
  const ofEntries = graph.deriveMany(
    `services of ServiceEntry for ${purpose}`,
    objects.serviceEntries,
    (entry, fetch) =>
      servicesOfEntry(entry, namespaceOf(entry, fetch)).map(
        (service) => [serviceKey(service), service] as const,
      ),
  );
  const outside = graph.derive(`services of ExternalName for ${purpose}`, ofServices, (service) =>
    service.external ? service : undefined,
  );
  return {
    all: graph.union(`services for ${purpose}`, [ofServices, ofEntries]),
    ofEntries: graph.union(`services of entries for ${purpose}`, [ofEntries, outside]),
  };
}
