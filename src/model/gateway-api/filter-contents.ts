// What of a filter no proxy can write.
import { lineFault, literalFault, nameFault } from "../headers.ts";
import type { MirrorFilter, PathModifier, RouteFilter } from "./filters.ts";

/** Why a filter cannot be applied, whatever it stands beside; the message says what to do. */
export function contentFault({
  type,
  requestHeaderModifier,
  responseHeaderModifier,
  ...filter
}: RouteFilter): string | undefined {
  const changes = type === "RequestHeaderModifier" ? requestHeaderModifier : responseHeaderModifier;
  const { requestRedirect, urlRewrite, requestMirror, cors } = filter;
  switch (type) {
    case "RequestHeaderModifier":
    case "ResponseHeaderModifier":
      return firstOf([
        ...[...(changes?.set ?? []), ...(changes?.add ?? [])].map(({ name, value }) =>
          literalFault(name, value),
        ),
        ...(changes?.remove ?? []).map(nameFault),
      ]);
    case "RequestRedirect":
      return firstOf([requestRedirect?.hostname, ...pathTexts(requestRedirect?.path)].map(unwritable));
    case "URLRewrite":
      return firstOf([urlRewrite?.hostname, ...pathTexts(urlRewrite?.path)].map(unwritable));
    case "RequestMirror":
      return requestMirror !== undefined && isMoreThanAll(requestMirror)
        ? "requests are copied once at most: the fraction must not be more than 1"
        : undefined;
    case "CORS":
      return firstOf(
        [cors?.allowMethods, cors?.allowHeaders, cors?.exposeHeaders]
          .flatMap((names) => names ?? [])
          .map(unwritable),
      );
    default:
      return undefined;
  }
}

function pathTexts(path: PathModifier | undefined): readonly (string | undefined)[] {
  return [path?.replaceFullPath, path?.replacePrefixMatch];
}

function unwritable(text: string | undefined): string | undefined {
  const fault = text === undefined ? undefined : lineFault(text);
  return fault === undefined ? undefined : `${JSON.stringify(text)} ${fault}`;
}

function firstOf(faults: readonly (string | undefined)[]): string | undefined {
  return faults.find((each) => each !== undefined);
}

function isMoreThanAll({ fraction }: MirrorFilter): boolean {
  return fraction !== undefined && fraction.numerator > (fraction.denominator ?? 100);
}
