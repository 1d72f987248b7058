import type { Kind } from "#sources/objects.ts";
import type { FieldPath } from "./field-path.ts";
import type { Finding } from "./finding.ts";
import { describe } from "./structure.ts";
import type { Supported } from "./supported.ts";
import { sidecarFields } from "./supported-sidecar-fields.ts";

const nameAndValue: Supported = { name: true, value: true };
const headerFilter: Supported = { set: nameAndValue, add: nameAndValue, remove: true };
/** A filter that is not supported is more than without effect: the checks of routes speak of it. */
const routeFilter: Supported = {
  requestHeaderModifier: headerFilter,
  responseHeaderModifier: headerFilter,
  "*": true,
};
const sessionPersistence: Supported = {
  sessionName: true,
  absoluteTimeout: true,
  type: true,
  cookieConfig: { lifetimeType: true },
};
const parentReference: Supported = {
  group: true,
  kind: ["Service", "ServiceEntry", "Gateway"],
  namespace: true,
  name: true,
  sectionName: true,
  port: true,
};
const backendReference: Supported = {
  group: true,
  // Others are errors, of which the checks of routes speak.
  kind: true,
  namespace: true,
  name: true,
  port: true,
  weight: true,
  filters: routeFilter,
};
const plainBackend: Supported = {
  group: true,
  kind: true,
  namespace: true,
  name: true,
  port: true,
  weight: true,
};
const valueMatch: Supported = { type: true, name: true, value: true };

const stringMatch: Supported = { exact: true, prefix: true, regex: true };
const headerOperations: Supported = { set: true, add: true, remove: true };
const istioHeaders: Supported = { request: headerOperations, response: headerOperations };
const connectionMatch = {
  destinationSubnets: true,
  port: true,
  sourceLabels: true,
  sourceNamespace: true,
  // Those of gateways are spoken of by the checks of VirtualServices.
  gateways: true,
} as const satisfies Supported;
const portPolicy = { loadBalancer: true, connectionPool: true, outlierDetection: true, tls: true } as const;
const trafficPolicy: Supported = {
  ...portPolicy,
  portLevelSettings: { port: true, ...portPolicy },
  proxyProtocol: true,
  retryBudget: true,
  tunnel: true,
};

/** A workload that is no pod. */
const listedEndpoint: Supported = {
  address: true,
  ports: true,
  labels: true,
  locality: true,
  weight: true,
  serviceAccount: true,
};

const istioDestination: Supported = { host: true, subset: true, port: { number: true } };
const percentage: Supported = { value: true };
const virtualServiceFields: Supported = {
  hosts: true,
  gateways: true,
  exportTo: true,
  tcp: { match: connectionMatch, route: { destination: istioDestination, weight: true } },
  tls: {
    match: { ...connectionMatch, sniHosts: true },
    route: { destination: istioDestination, weight: true },
  },
  http: {
    name: true,
    match: {
      name: true,
      uri: stringMatch,
      scheme: stringMatch,
      method: stringMatch,
      authority: stringMatch,
      headers: { "*": stringMatch },
      withoutHeaders: { "*": stringMatch },
      queryParams: { "*": stringMatch },
      ignoreUriCase: true,
      port: true,
      sourceLabels: true,
      sourceNamespace: true,
      gateways: true,
      statPrefix: true,
    },
    route: { destination: istioDestination, weight: true, headers: istioHeaders },
    redirect: true,
    directResponse: true,
    delegate: true,
    rewrite: true,
    timeout: true,
    retries: true,
    fault: {
      delay: { fixedDelay: true, percentage, percent: true },
      abort: { httpStatus: true, grpcStatus: true, percentage },
    },
    mirror: istioDestination,
    mirrors: { destination: istioDestination, percentage },
    mirrorPercentage: percentage,
    mirrorPercent: true,
    mirror_percent: true,
    corsPolicy: true,
    headers: istioHeaders,
  },
};

/** The fields of `spec` that take effect, for the kinds that describe traffic. */
const supportedFields: Partial<Readonly<Record<Kind, Supported>>> = {
  HTTPRoute: {
    parentRefs: parentReference,
    hostnames: true,
    rules: {
      name: true,
      matches: {
        path: { type: true, value: true },
        headers: valueMatch,
        queryParams: valueMatch,
        method: true,
      },
      filters: routeFilter,
      backendRefs: backendReference,
      timeouts: { request: true, backendRequest: true },
      retry: { codes: true, attempts: true, backoff: true },
      sessionPersistence,
    },
  },
  GRPCRoute: {
    parentRefs: parentReference,
    hostnames: true,
    rules: {
      name: true,
      matches: { method: { type: true, service: true, method: true }, headers: valueMatch },
      filters: routeFilter,
      backendRefs: backendReference,
      sessionPersistence,
    },
  },
  Gateway: {
    gatewayClassName: true,
    infrastructure: { labels: true },
    listeners: {
      name: true,
      hostname: true,
      port: true,
      // Others are spoken of by the checks of Gateways.
      protocol: true,
      allowedRoutes: {
        namespaces: { from: true, selector: true },
        // Which of them, the checks of Gateways say by the protocol.
        kinds: { group: true, kind: true },
      },
    },
  },
  VirtualService: virtualServiceFields,
  DestinationRule: {
    host: true,
    trafficPolicy,
    subsets: { name: true, labels: true, trafficPolicy },
    exportTo: true,
    workloadSelector: true,
  },
  TCPRoute: { parentRefs: parentReference, rules: { name: true, backendRefs: plainBackend } },
  TLSRoute: {
    parentRefs: parentReference,
    hostnames: true,
    rules: { name: true, backendRefs: plainBackend },
  },
  XBackendTrafficPolicy: {
    // Others are spoken of by the checks of policies.
    targetRefs: { group: true, kind: true, name: true },
    retryConstraint: {
      budget: { percent: true, interval: true },
      minRetryRate: { count: true, interval: true },
    },
    sessionPersistence,
  },
  ServiceEntry: {
    hosts: true,
    addresses: true,
    // Others are spoken of by the checks of ServiceEntries.
    ports: { number: true, name: true, protocol: true, targetPort: true },
    location: true,
    resolution: true,
    endpoints: listedEndpoint,
    workloadSelector: true,
    exportTo: true,
    subjectAltNames: true,
  },
  WorkloadEntry: listedEndpoint,
  Sidecar: sidecarFields,
  "Gateway.networking.istio.io": {
    selector: true,
    servers: {
      name: true,
      // What else is said of TLS, the checks of Gateways speak of; so do they of protocols.
      port: { number: true, name: true, protocol: true },
      hosts: true,
      tls: true,
    },
  },
  RateLimit: { targetRefs: true, limits: true, response: true },
  AdaptiveConcurrency: {
    targetRefs: true,
    minConcurrency: true,
    maxConcurrency: true,
    sampleWindow: true,
    latencyPercentile: true,
    response: true,
  },
};

/** A warning for each field of the object that the API has and that has no effect in Heddle yet. */
export function checkSupportedFields(kind: Kind, object: { readonly spec?: unknown }): readonly Finding[] {
  const supported = supportedFields[kind];
  const findings: Finding[] = [];
  if (supported !== undefined) walk(object.spec, supported, ["spec"], findings);
  return findings;
}

function walk(value: unknown, supported: Supported, path: FieldPath, findings: Finding[]): void {
  if (supported === true) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walk(item, supported, [...path, index], findings);
  } else if (isValues(supported)) {
    if (!supported.includes(value as string)) {
      warn(
        findings,
        path,
        `${describe(value)} is not supported yet and has no effect; supported: ${supported.join(", ")}`,
      );
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      const part = supported[name] ?? supported["*"];
      if (part === undefined)
        warn(findings, [...path, name], `${name} is not supported yet and has no effect`);
      else walk(field, part, [...path, name], findings);
    }
  }
}

function isValues(supported: Exclude<Supported, true>): supported is readonly string[] {
  return Array.isArray(supported);
}

function warn(findings: Finding[], path: FieldPath, message: string): void {
  findings.push({ severity: "warning", message, path });
}
