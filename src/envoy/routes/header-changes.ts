// Changes of headers, as Envoy takes them.
import { HeaderValueOption_HeaderAppendAction } from "@heddle/envoy-api/envoy/config/core/v3/base";
import type { HeaderChanges, HeaderValue } from "#model/route.ts";

/** The fields that routes, clusters of a split and virtual hosts have for it. */
export function headerChanges(request: HeaderChanges, response: HeaderChanges) {
  return {
    requestHeadersToAdd: headerOptions(request),
    requestHeadersToRemove: [...request.remove],
    responseHeadersToAdd: headerOptions(response),
    responseHeadersToRemove: [...response.remove],
  };
}

function headerOptions({ set, add }: HeaderChanges) {
  const option = (appendAction: HeaderValueOption_HeaderAppendAction) => (header: HeaderValue) => ({
    header: { key: header.name, value: header.value },
    appendAction,
  });
  return [
    ...set.map(option(HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...add.map(option(HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD)),
  ];
}
