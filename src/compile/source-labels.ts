// Which labels of clients decide about what they get. Whatever reads more of them adds its part here: all others are
// the same to the mesh, so that pods which differ in them share their configuration.
import type { VirtualService } from "#model/istio/virtual-service.ts";

/** The names, in order. */
export function labelsReadOfClients(virtualServices: readonly VirtualService[]): readonly string[] {
  const names = virtualServices.flatMap(({ spec }) =>
    [...(spec.http ?? []), ...(spec.tcp ?? []), ...(spec.tls ?? [])].flatMap(({ match = [] }) =>
      match.flatMap(({ sourceLabels = {} }) => Object.keys(sourceLabels)),
    ),
  );
  return [...new Set(names)].sort();
}
