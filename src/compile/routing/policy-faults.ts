// What is wrong with a policy in itself, so that it has no effect: what its definition says in CEL, which is asked
// nowhere but in an API server, and what Envoy would refuse.
import { parseDuration } from "#model/duration.ts";
import { expressionFault } from "#model/expression.ts";
import { faultOf } from "#model/field-fault.ts";
import type { PolicyTargetReference } from "#model/gateway-api/policy-status.ts";
import { gatewayApiGroup, istioGroup } from "#model/gateway-api/references.ts";
import { isOrdinary, literalFault } from "#model/headers.ts";
import type { AdaptiveConcurrency } from "#model/heddle/adaptive-concurrency.ts";
import type { RateLimit, RequestLimit } from "#model/heddle/rate-limit.ts";
import { type CheckFinding, error, errorsAt } from "../finding.ts";

/** The statuses of errors that a proxy can answer with. */
const statuses: ReadonlySet<number> = new Set([
  ...range(400, 417),
  ...range(421, 424),
  426,
  428,
  429,
  431,
  ...range(500, 508),
  510,
  511,
]);

const groups: Readonly<Record<string, readonly string[]>> = {
  Service: [""],
  HTTPRoute: [gatewayApiGroup],
  GRPCRoute: [gatewayApiGroup],
  Gateway: [gatewayApiGroup, istioGroup],
};

/** What is wrong; nothing where the policy can have effect. */
export function policyFaults(policy: RateLimit | AdaptiveConcurrency): readonly CheckFinding[] {
  const { targetRefs, response } = policy.spec;
  return [
    ...targetRefs.flatMap((target, index) => groupFaults(target, `spec.targetRefs[${index}].group`)),
    ...(response?.status === undefined || statuses.has(response.status)
      ? []
      : [fault("spec.response.status", `no proxy answers with ${response.status}; use another status`)]),
    ...(policy.kind === "RateLimit"
      ? [
          ...policy.spec.limits.flatMap((limit, index) => limitFaults(limit, `spec.limits[${index}]`)),
          ...(policy.spec.response?.headers ?? []).flatMap(answerFaults),
        ]
      : concurrencyFaults(policy)),
  ];
}

function answerFaults(
  { name, value }: { readonly name: string; readonly value: string },
  index: number,
): readonly CheckFinding[] {
  const message = isOrdinary(name)
    ? literalFault(name, value)
    : `${name} is no header of an answer; remove it`;
  return message === undefined ? [] : [fault(`spec.response.headers[${index}]`, message)];
}

function groupFaults({ group, kind }: PolicyTargetReference, field: string): readonly CheckFinding[] {
  const right = groups[kind] ?? [group];
  const named = right.map((each) => `"${each}"`).join(" or ");
  return right.includes(group) ? [] : [fault(field, `the group of a ${kind} is ${named}; correct it`)];
}

function limitFaults({ key = [], match }: RequestLimit, field: string): readonly CheckFinding[] {
  return [
    ...key.flatMap(({ type, header }, index) =>
      (header !== undefined) === (type === "Header")
        ? []
        : [
            fault(
              `${field}.key[${index}].header`,
              "header must be there for the type Header, and for no other",
            ),
          ],
    ),
    ...(match?.headers ?? []).flatMap(({ type, value }, index) =>
      type === "RegularExpression"
        ? errorsAt(`${field}.match.headers[${index}].value`, faultOf("", expressionFault(value)))
        : [],
    ),
  ];
}

/** Envoy looks at its timers every ten milliseconds at best. */
const shortestWindowMs = 10;

function concurrencyFaults({ spec }: AdaptiveConcurrency): readonly CheckFinding[] {
  const { minConcurrency = 3, maxConcurrency = 1_000, sampleWindow = "100ms" } = spec;
  const windowMs = parseDuration(sampleWindow);
  return [
    ...(minConcurrency <= maxConcurrency
      ? []
      : [
          fault(
            "spec.minConcurrency",
            `minConcurrency (${minConcurrency}) must not be above maxConcurrency (${maxConcurrency})`,
          ),
        ]),
    ...(windowMs !== undefined && windowMs >= shortestWindowMs
      ? []
      : [fault("spec.sampleWindow", `${sampleWindow} is no duration of ${shortestWindowMs}ms or more`)]),
  ];
}

function fault(field: string, message: string): CheckFinding {
  return error(field, message, "UnsupportedValue");
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
