import type { VirtualService } from "#model/istio/virtual-service.ts";

/** In order: the names of the labels by which VirtualServices tell where requests and connections come from. */
export function sourceLabelsRead(virtualServices: readonly VirtualService[]): readonly string[] {
  const matches = virtualServices.flatMap(({ spec: { http = [], tls = [], tcp = [] } }) =>
    [...http, ...tls, ...tcp].flatMap((rule) => [...(rule.match ?? [])]),
  );
  return [...new Set(matches.flatMap(({ sourceLabels = {} }) => Object.keys(sourceLabels)))].sort();
}
