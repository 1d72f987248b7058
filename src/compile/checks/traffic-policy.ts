// What a traffic policy says that cannot be, or that has no effect beside what else it says.
import { parseDuration } from "#model/duration.ts";
import type { ConnectionPool } from "#model/istio/connection-pool.ts";
import type { IstioPortPolicy, IstioTrafficPolicy, OutlierDetection } from "#model/istio/destination-rule.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { listed } from "../services/listed.ts";
import { checkClientTls } from "./client-tls.ts";
import { checkLoadBalancer } from "./load-balancer.ts";
import type { PolicyContext } from "./policy-context.ts";
import { checkTlsToApplications } from "./tls-to-applications.ts";

/** The policy at `field`, with those for single ports. */
export function checkTrafficPolicy(
  policy: IstioTrafficPolicy | undefined,
  field: string,
  context: PolicyContext,
): readonly CheckFinding[] {
  if (policy === undefined) return [];
  const { portLevelSettings = [], retryBudget, connectionPool, tunnel } = policy;
  const numbers = portLevelSettings.map(({ port }) => port?.number);
  return [
    ...checkPortPolicy(policy, field, context, (port) => !numbers.includes(port)),
    ...(retryBudget !== undefined && connectionPool?.http?.maxRetries !== undefined
      ? [warning(`${field}.connectionPool.http.maxRetries`, "has no effect beside retryBudget; keep one")]
      : []),
    ...(tunnel === undefined ? [] : checkTunnel(tunnel, `${field}.tunnel`)),
    ...portLevelSettings.flatMap((settings, index) => [
      ...checkPort(numbers, index, `${field}.portLevelSettings[${index}].port.number`, context),
      ...checkPortPolicy(
        settings,
        `${field}.portLevelSettings[${index}]`,
        context,
        (port) => port === numbers[index],
      ),
    ]),
  ];
}

function checkTunnel(
  { protocol, targetHost, targetPort }: NonNullable<IstioTrafficPolicy["tunnel"]>,
  field: string,
): readonly CheckFinding[] {
  const isKnown = protocol === undefined || protocol === "" || protocol === "CONNECT" || protocol === "POST";
  return [
    ...(isKnown
      ? []
      : [
          error(
            `${field}.protocol`,
            `${protocol} is no way to ask a proxy; use CONNECT or POST`,
            "UnsupportedValue",
          ),
        ]),
    ...(/^[\w.:-]+$/.test(targetHost)
      ? []
      : [
          error(
            `${field}.targetHost`,
            `${targetHost} is no host; give a full name or an address`,
            "UnsupportedValue",
          ),
        ]),
    ...(targetPort > 0 && targetPort < 65_536
      ? []
      : [error(`${field}.targetPort`, `${targetPort} is no port; give 1 to 65535`, "UnsupportedValue")]),
  ];
}

function checkPort(
  numbers: readonly (number | undefined)[],
  index: number,
  field: string,
  { services }: PolicyContext,
): readonly CheckFinding[] {
  const number = numbers[index];
  if (number === undefined) return [error(field, "number is missing; name a port of the service")];
  if (numbers.indexOf(number) !== index) {
    return [error(field, `there are settings for port ${number} already; put both into one`)];
  }
  const ports = services.flatMap((service) => service.ports.map(({ port }) => port));
  if (ports.includes(number)) return [];
  return [warning(field, `there is no port ${number}; the ports are ${listed([...new Set(ports)])}`)];
}

function checkPortPolicy(
  policy: IstioPortPolicy,
  field: string,
  context: PolicyContext,
  concerns: (port: number) => boolean,
): readonly CheckFinding[] {
  const { loadBalancer, connectionPool, outlierDetection, tls } = policy;
  return [
    ...(loadBalancer === undefined
      ? []
      : checkLoadBalancer(loadBalancer, outlierDetection !== undefined, `${field}.loadBalancer`)),
    ...(connectionPool === undefined ? [] : checkConnectionPool(connectionPool, `${field}.connectionPool`)),
    ...(outlierDetection === undefined
      ? []
      : checkOutlierDetection(outlierDetection, `${field}.outlierDetection`)),
    ...(tls === undefined
      ? []
      : [
          ...checkClientTls(tls, `${field}.tls`, context),
          ...checkTlsToApplications(tls, `${field}.tls`, context, concerns),
        ]),
  ];
}

function checkConnectionPool(
  { tcp = {}, http = {} }: ConnectionPool,
  field: string,
): readonly CheckFinding[] {
  const limits = [
    ["tcp.maxConnections", tcp.maxConnections],
    ["http.http1MaxPendingRequests", http.http1MaxPendingRequests],
    ["http.http2MaxRequests", http.http2MaxRequests],
    ["http.maxRequestsPerConnection", http.maxRequestsPerConnection],
    ["http.maxRetries", http.maxRetries],
    ["http.maxConcurrentStreams", http.maxConcurrentStreams],
  ] as const;
  const { interval, timeout } = http.http2KeepAlive ?? {};
  return [
    ...limits.flatMap(([name, value]) =>
      value !== undefined && value < 0
        ? [error(`${field}.${name}`, `${value} is no limit; 0 or nothing means none`, "UnsupportedValue")]
        : [],
    ),
    ...(http.useClientProtocol === true && http.h2UpgradePolicy === "UPGRADE"
      ? [warning(`${field}.http.h2UpgradePolicy`, "has no effect beside useClientProtocol; keep one")]
      : []),
    ...(http.http2KeepAlive !== undefined && (interval === undefined || timeout === undefined)
      ? [warning(`${field}.http.http2KeepAlive`, "has no effect without both, interval and timeout")]
      : []),
  ];
}

function checkOutlierDetection(detection: OutlierDetection, field: string): readonly CheckFinding[] {
  const { consecutiveLocalOriginFailures, splitExternalLocalOriginErrors } = detection;
  const percents = [
    ["maxEjectionPercent", detection.maxEjectionPercent],
    ["minHealthPercent", detection.minHealthPercent],
  ] as const;
  const times = [
    ["interval", detection.interval],
    ["baseEjectionTime", detection.baseEjectionTime],
  ] as const;
  return [
    ...percents.flatMap(([name, value]) =>
      value !== undefined && (value < 0 || value > 100)
        ? [error(`${field}.${name}`, `${value} is no percentage; give 0 to 100`, "UnsupportedValue")]
        : [],
    ),
    ...times.flatMap(([name, value]) =>
      value !== undefined && parseDuration(value) === 0
        ? [error(`${field}.${name}`, "must be more than 0", "UnsupportedValue")]
        : [],
    ),
    ...(consecutiveLocalOriginFailures !== undefined && splitExternalLocalOriginErrors !== true
      ? [
          warning(
            `${field}.consecutiveLocalOriginFailures`,
            "has no effect without splitExternalLocalOriginErrors; set that to true",
          ),
        ]
      : []),
  ];
}
