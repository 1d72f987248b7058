// What a route of a VirtualService asks for and cannot have, by itself. A request for it is answered with an error.
import { isPort, noPort } from "../counts.ts";
import { expressionFault } from "../expression.ts";
import { type FieldFault, faultOf } from "../field-fault.ts";
import { lineFault } from "../headers.ts";
import { largestAnswer, redirectStatuses } from "../route.ts";
import { delayPercentage, grpcCode } from "./fault-injection.ts";
import { headerFaults } from "./header-faults.ts";
import type { IstioHttpRoute } from "./virtual-service.ts";
import { weightFaults } from "./weights.ts";

/** Everything that contradicts itself, or that no proxy can do. */
export function routeFaults(http: IstioHttpRoute): readonly FieldFault[] {
  return [
    ...contradictions(http),
    ...redirectFaults(http),
    ...responseFaults(http),
    ...weightFaults(http.route),
    ...injectionFaults(http),
    ...mirrorFaults(http),
    ...expressionFaults(http),
    ...headerFaults(http),
    ...lineFaults(http),
    ...((http.retries?.attempts ?? 0) < 0
      ? [fault("retries.attempts", `${http.retries?.attempts} is no number of attempts; 0 is none`)]
      : []),
  ];
}

function fault(field: string, message: string): FieldFault {
  return { field, message };
}

/** What a route does with a request: one of these, alone. */
const ends = ["route", "redirect", "directResponse", "delegate"] as const;

function contradictions(http: IstioHttpRoute): readonly FieldFault[] {
  const found = ends.filter((end) =>
    end === "route" ? (http.route ?? []).length > 0 : http[end] !== undefined,
  );
  const [first, second] = found;
  if (first === undefined) {
    return [fault("", "does nothing with its requests; give it route, redirect, directResponse or delegate")];
  }
  const { rewrite } = http;
  return [
    ...(second === undefined ? [] : [fault(second, `does not go with ${first}; remove one of the two`)]),
    ...(rewrite !== undefined && http.redirect !== undefined
      ? [fault("rewrite", "does not go with redirect; say there where the client is sent")]
      : []),
    ...(rewrite?.uri !== undefined && rewrite.uriRegexRewrite !== undefined
      ? [fault("rewrite.uriRegexRewrite", "does not go with uri; remove one of the two")]
      : []),
  ];
}

function redirectFaults({ redirect }: IstioHttpRoute): readonly FieldFault[] {
  if (redirect === undefined) return [];
  const { redirectCode, scheme, uri, prefixRewrite, port } = redirect;
  const statuses: readonly number[] = redirectStatuses;
  return [
    ...(redirectCode === undefined || statuses.includes(redirectCode)
      ? []
      : [
          fault("redirect.redirectCode", `${redirectCode} is no redirect; use one of ${statuses.join(", ")}`),
        ]),
    ...(scheme === undefined || scheme === "" || scheme === "http" || scheme === "https"
      ? []
      : [fault("redirect.scheme", `"${scheme}" is no scheme of HTTP; use http or https`)]),
    ...(uri !== undefined && prefixRewrite !== undefined
      ? [fault("redirect.prefixRewrite", "does not go with uri; remove one of the two")]
      : []),
    ...(port === undefined || isPort(port) ? [] : [fault("redirect.port", noPort(port))]),
  ];
}

function responseFaults({ directResponse }: IstioHttpRoute): readonly FieldFault[] {
  if (directResponse === undefined) return [];
  const { status, body } = directResponse;
  const size = Buffer.byteLength(
    body?.bytes ?? body?.string ?? "",
    body?.bytes === undefined ? "utf8" : "base64",
  );
  return [
    ...statusFaults("directResponse.status", status),
    ...(size > largestAnswer
      ? [
          fault(
            "directResponse.body",
            `the body has ${size} bytes; the largest that is served has ${largestAnswer}`,
          ),
        ]
      : []),
  ];
}

function statusFaults(field: string, status: number): readonly FieldFault[] {
  return status >= 200 && status < 600
    ? []
    : [fault(field, `${status} is no status of an answer; use one from 200 to 599`)];
}

function percentageFaults(field: string, value: number | undefined): readonly FieldFault[] {
  return value === undefined || (value >= 0 && value <= 100)
    ? []
    : [fault(field, `${value} is no percentage; use one from 0 to 100`)];
}

function injectionFaults({ fault: injected }: IstioHttpRoute): readonly FieldFault[] {
  const { delay, abort } = injected ?? {};
  const { httpStatus, grpcStatus } = abort ?? {};
  return [
    ...(delay === undefined ? [] : percentageFaults("fault.delay", delayPercentage(delay))),
    ...percentageFaults("fault.abort.percentage", abort?.percentage?.value),
    ...(httpStatus === undefined ? [] : statusFaults("fault.abort.httpStatus", httpStatus)),
    ...(grpcStatus !== undefined && grpcCode(grpcStatus) === undefined
      ? [
          fault(
            "fault.abort.grpcStatus",
            `"${grpcStatus}" is no status of gRPC; use a name such as UNAVAILABLE`,
          ),
        ]
      : []),
  ];
}

function expressionFaults({ rewrite, corsPolicy }: IstioHttpRoute): readonly FieldFault[] {
  const written = [
    { expression: rewrite?.uriRegexRewrite?.match, field: "rewrite.uriRegexRewrite.match" },
    ...(corsPolicy?.allowOrigins ?? []).map(({ regex }, index) => ({
      expression: regex === "*" ? undefined : regex,
      field: `corsPolicy.allowOrigins[${index}].regex`,
    })),
  ];
  return written.flatMap(({ expression, field }) =>
    expression === undefined ? [] : faultOf(field, expressionFault(expression)),
  );
}

/** Texts that become a part of a header. */
function lineFaults({ rewrite, redirect, corsPolicy }: IstioHttpRoute): readonly FieldFault[] {
  const lists = (["allowMethods", "allowHeaders", "exposeHeaders"] as const).flatMap((list) =>
    (corsPolicy?.[list] ?? []).map((text, index) => ({ text, field: `corsPolicy.${list}[${index}]` })),
  );
  const texts = [
    { text: rewrite?.uri, field: "rewrite.uri" },
    { text: rewrite?.authority, field: "rewrite.authority" },
    { text: rewrite?.uriRegexRewrite?.rewrite, field: "rewrite.uriRegexRewrite.rewrite" },
    { text: redirect?.uri, field: "redirect.uri" },
    { text: redirect?.authority, field: "redirect.authority" },
    { text: redirect?.prefixRewrite, field: "redirect.prefixRewrite" },
    ...lists,
  ];
  return texts.flatMap(({ text, field }) => (text === undefined ? [] : faultOf(field, lineFault(text))));
}

function mirrorFaults({ mirror, mirrors, ...http }: IstioHttpRoute): readonly FieldFault[] {
  return [
    ...(mirror !== undefined && mirrors !== undefined
      ? [fault("mirrors", "does not go with mirror; put all into mirrors")]
      : []),
    ...percentageFaults("mirrorPercentage", http.mirrorPercentage?.value),
    ...percentageFaults("mirrorPercent", http.mirrorPercent),
    ...percentageFaults("mirror_percent", http.mirror_percent),
    ...(mirrors ?? []).flatMap(({ percentage }, index) =>
      percentageFaults(`mirrors[${index}].percentage`, percentage?.value),
    ),
  ];
}
