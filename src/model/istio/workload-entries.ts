import type { ListedWorkload } from "../workload.ts";
import type { IstioEndpoint, WorkloadEntry } from "./workload-entry.ts";

/** API object → domain type. */
export function workloadOfEntry({ metadata, spec }: WorkloadEntry): ListedWorkload {
  return listedWorkload(spec, metadata.namespace ?? "default", metadata.name);
}

/** The part that WorkloadEntries and the endpoints of ServiceEntries share. */
export function listedWorkload(endpoint: IstioEndpoint, namespace: string, name: string): ListedWorkload {
  const { address = "", ports = {}, labels = {}, locality = "", weight = 0, serviceAccount = "" } = endpoint;
  // 0 is no weight at all, as in Istio.
  const share = weight === 0 ? undefined : weight;
  return { namespace, name, address, ports, labels, locality, weight: share, serviceAccount };
}
