// https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy
import { parseDuration } from "../duration.ts";
import type { OutlierDetection, PolicyOfPorts, PortPolicy, RetryBudget, Tunnel } from "../policy.ts";
import { present } from "../present.ts";
import { balancing } from "./balancing.ts";
import { clientTls } from "./client-tls.ts";
import { connectionPool } from "./connection-limits.ts";
import type { ConnectionPool as IstioConnectionPool } from "./connection-pool.ts";
import type {
  OutlierDetection as IstioOutlierDetection,
  IstioPortPolicy,
  IstioTrafficPolicy,
} from "./destination-rule.ts";

/** API object → domain type. */
export function policyOfPorts(policy: IstioTrafficPolicy | undefined): PolicyOfPorts {
  return {
    all: {
      ...portPolicy(policy),
      ...present({
        proxyProtocol: proxyProtocol(policy?.proxyProtocol),
        retryBudget: retryBudget(policy?.retryBudget),
        tunnel: ifGiven(policy?.tunnel, tunnel),
      }),
    },
    ports: (policy?.portLevelSettings ?? []).flatMap((settings) =>
      settings.port?.number === undefined
        ? []
        : [{ port: settings.port.number, policy: portPolicy(settings) }],
    ),
  };
}

function portPolicy(policy: IstioPortPolicy | undefined): PortPolicy {
  return present({
    balancing: ifGiven(policy?.loadBalancer, balancing),
    connectionPool: ifGiven<IstioConnectionPool, ReturnType<typeof connectionPool>>(
      policy?.connectionPool,
      connectionPool,
    ),
    outlierDetection: ifGiven(policy?.outlierDetection, outlierDetection),
    tls: ifGiven(policy?.tls, clientTls),
  });
}

function ifGiven<I, O>(given: I | undefined, convert: (given: I) => O): O | undefined {
  return given === undefined ? undefined : convert(given);
}

/** What is none is as if it were not said. */
function percentage(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 && value <= 100 ? value : undefined;
}

/**
 * What cannot be is as if it were not said.
 * https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection
 */
function outlierDetection(detection: IstioOutlierDetection): OutlierDetection {
  const {
    consecutive5xxErrors,
    consecutiveErrors,
    consecutiveGatewayErrors,
    consecutiveLocalOriginFailures,
    maxEjectionPercent,
    minHealthPercent,
    outlierDetectionHttpErrorCodes: codes = [],
  } = detection;
  return present({
    consecutiveErrors: consecutive5xxErrors ?? consecutiveErrors,
    consecutiveGatewayErrors,
    localOrigin:
      detection.splitExternalLocalOriginErrors === true
        ? present({ consecutiveFailures: consecutiveLocalOriginFailures })
        : undefined,
    errorStatuses: codes.length === 0 ? undefined : codes,
    intervalMs: ifGiven(detection.interval, parseDuration) || undefined,
    baseEjectionMs: ifGiven(detection.baseEjectionTime, parseDuration) || undefined,
    maxEjectionPercent: percentage(maxEjectionPercent),
    minHealthPercent: percentage(minHealthPercent),
  });
}

function proxyProtocol(given: IstioTrafficPolicy["proxyProtocol"]): 1 | 2 | undefined {
  if (given === undefined) return undefined;
  return given.version === "V2" ? 2 : 1;
}

function retryBudget(given: IstioTrafficPolicy["retryBudget"]): RetryBudget | undefined {
  if (given === undefined) return undefined;
  return {
    percent: given.percent ?? 20,
    minConcurrency: given.minRetryConcurrency ?? 3,
    ...present({ intervalMs: ifGiven(given.budgetInterval, parseDuration) }),
  };
}

/** https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy-TunnelSettings */
function tunnel({ protocol, targetHost, targetPort }: NonNullable<IstioTrafficPolicy["tunnel"]>): Tunnel {
  return { method: protocol === "POST" ? "POST" : "CONNECT", host: targetHost, port: targetPort };
}
