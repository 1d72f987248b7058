// Delays and errors that a VirtualService injects.
import { parseDuration } from "../duration.ts";
import type { FaultInjection } from "../route.ts";
import type { HttpFault } from "./virtual-service-http.ts";

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html, each at the index that is its code. */
const grpcStatuses: readonly string[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** The code of a status that is written as its name or as its number; undefined when it is none. */
export function grpcCode(status: string): number | undefined {
  if (/^\d+$/.test(status)) return Number(status) < grpcStatuses.length ? Number(status) : undefined;
  const code = grpcStatuses.indexOf(status.toUpperCase());
  return code === -1 ? undefined : code;
}

/**
 * API type → domain type; undefined where nothing is injected. A fault without a percentage is for no request.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPFaultInjection
 */
export function faultInjection(fault: HttpFault | undefined): FaultInjection | undefined {
  const delay = delayOf(fault?.delay);
  const abort = abortOf(fault?.abort);
  if (delay === undefined && abort === undefined) return undefined;
  return { ...(delay === undefined ? {} : { delay }), ...(abort === undefined ? {} : { abort }) };
}

/** The part of the requests that are delayed, from 0 to 100. */
export function delayPercentage({ percentage, percent }: NonNullable<HttpFault["delay"]>): number {
  return percentage === undefined ? (percent ?? 0) : (percentage.value ?? 0);
}

function delayOf(delay: HttpFault["delay"]): FaultInjection["delay"] {
  const milliseconds = delay?.fixedDelay === undefined ? undefined : parseDuration(delay.fixedDelay);
  if (delay === undefined || milliseconds === undefined || milliseconds === 0) return undefined;
  const percentage = delayPercentage(delay);
  return percentage > 0 ? { milliseconds, percentage } : undefined;
}

function abortOf(abort: HttpFault["abort"]): FaultInjection["abort"] {
  const percentage = abort?.percentage?.value ?? 0;
  if (abort === undefined || percentage <= 0) return undefined;
  if (abort.httpStatus !== undefined) return { status: { kind: "http", code: abort.httpStatus }, percentage };
  const code = abort.grpcStatus === undefined ? undefined : grpcCode(abort.grpcStatus);
  return code === undefined ? undefined : { status: { kind: "grpc", code }, percentage };
}
