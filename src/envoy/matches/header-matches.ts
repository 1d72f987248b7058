// What a request must have in its headers → Envoy's matchers.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HeaderMatcherSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { NamedMatcher, RouteMatch } from "#model/route.ts";
import { stringMatch } from "./string-matches.ts";

export type HeaderMatcher = MessageInitShape<typeof HeaderMatcherSchema>;

/** Those of method, scheme and headers. */
export function headerMatchers({
  method,
  scheme,
  headers,
  withoutHeaders = [],
}: RouteMatch): readonly HeaderMatcher[] {
  return [
    ...(method === undefined ? [] : [header({ name: ":method", value: method })]),
    ...(scheme === undefined ? [] : [header({ name: ":scheme", value: scheme })]),
    ...headers.map(header),
    ...withoutHeaders.map(noHeader),
  ];
}

/** That a header is as it must be. */
export function header({ name, value }: NamedMatcher): HeaderMatcher {
  return value.kind === "present"
    ? { name, headerMatchSpecifier: { case: "presentMatch", value: true } }
    : { name, headerMatchSpecifier: { case: "stringMatch", value: stringMatch(value) } };
}

/** A header that is not there is nothing that must not be. */
export function noHeader(matcher: NamedMatcher): HeaderMatcher {
  return {
    ...header(matcher),
    invertMatch: true,
    ...(matcher.value.kind === "present" ? {} : { treatMissingHeaderAsEmpty: true }),
  };
}
