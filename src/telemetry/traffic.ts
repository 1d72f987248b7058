// From what a sidecar sends to what it means: who called whom, over what, and how it ended.
import { parseSpiffeId, parseWorkloadDnsName } from "#identity/spiffe.ts";
import { countedLater, foreignAuthority, splitTraffic, type TrafficField } from "./measures.ts";

/** The pod whose sidecar reports, as its token proves. */
export interface Reporter {
  readonly namespace: string;
  readonly pod: string;
  /** The name of its Deployment, StatefulSet or Job; else that of the pod. */
  readonly workload: string;
  /** Its SPIFFE ID. */
  readonly principal: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One end of a connection. Everything unknown is the word `unknown`, as in Istio's metrics. */
export interface Party {
  readonly namespace: string;
  readonly workload: string;
  readonly principal: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
}

export interface Service {
  /** Fully qualified. */
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

export type Protocol = "http" | "grpc" | "tcp";

/** Whether the two ends proved who they are; unknown where no connection was made. */
export type Security = "mutual_tls" | "none" | "unknown";

/** What all requests or connections of one series have in common. */
export interface Traffic {
  readonly reporter: "source" | "destination";
  readonly protocol: Protocol;
  readonly source: Party;
  readonly destination: Party;
  readonly service: Service;
  /** Empty for TCP. */
  readonly responseCode: string;
  /** `-` for none. */
  readonly responseFlags: string;
  /** Empty unless gRPC. */
  readonly grpcStatus: string;
  readonly security: Security;
  /** How it failed by the server's fault, such as `503 UH` or `grpc 14`: counts against success. */
  readonly failure: string | undefined;
  /** Refused because there were too many requests. */
  readonly limited: boolean;
}

export const unknown = "unknown";

/** Reads the tag of a measure; undefined if it is not one that this version of the mesh configures, or counts elsewhere. */
export function parseTraffic(
  transport: "http" | "tcp",
  tag: string,
  reporter: Reporter,
): Traffic | undefined {
  const sent = splitTraffic(tag);
  if (sent === undefined || sent.service === countedLater) return undefined;
  // What another authority says of a server is none of the mesh's identities.
  const fields = sent.authority === foreignAuthority ? { ...sent, peerPrincipal: "" } : sent;
  if (fields.reporter !== "source" && fields.reporter !== "destination") return undefined;
  const own = partyOfReporter(reporter);
  const atSource = fields.reporter === "source";
  const [source, destination] = atSource ? [own, endpointParty(fields)] : [peerParty(fields), own];
  const protocol = transport === "tcp" ? "tcp" : fields.grpcStatus === "" ? "http" : "grpc";
  return {
    reporter: fields.reporter,
    protocol,
    source,
    destination,
    service: serviceOf(fields, destination),
    responseCode: fields.responseCode,
    responseFlags: fields.responseFlags || "-",
    grpcStatus: fields.grpcStatus,
    security: securityOf(protocol, fields),
    failure: failureOf(protocol, fields),
    limited: protocol !== "tcp" && wasLimited(fields),
  };
}

type Fields = Readonly<Record<TrafficField, string>>;

function partyOfReporter({ namespace, workload, principal, labels }: Reporter): Party {
  const app = labels.app ?? unknown;
  const version = labels.version ?? unknown;
  return {
    namespace,
    workload,
    principal,
    app,
    version,
    canonicalService:
      labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels.app ?? workload,
    canonicalRevision:
      labels["service.istio.io/canonical-revision"] ??
      labels["app.kubernetes.io/version"] ??
      labels.version ??
      "latest",
  };
}

/** The server, as the endpoint's metadata and its certificate tell the client's sidecar. */
function endpointParty(fields: Fields): Party {
  const workload = fields.workload || unknown;
  return {
    namespace: fields.workloadNamespace || unknown,
    workload,
    principal: fields.peerPrincipal || unknown,
    app: fields.app || unknown,
    version: fields.version || unknown,
    canonicalService: fields.app || workload,
    canonicalRevision: fields.version || (fields.workload === "" ? unknown : "latest"),
  };
}

/** The client, as its certificate tells the server's sidecar. */
function peerParty(fields: Fields): Party {
  const name = parseWorkloadDnsName(fields.peerWorkload);
  const workload = name?.workload ?? unknown;
  return {
    namespace: name?.namespace ?? parseSpiffeId(fields.peerPrincipal)?.namespace ?? unknown,
    workload,
    principal: fields.peerPrincipal || unknown,
    app: unknown,
    version: unknown,
    canonicalService: workload,
    canonicalRevision: name === undefined ? unknown : "latest",
  };
}

/**
 * Calls to a pod's own address have no service: the workload stands for it. What is not known has no host, but a name:
 * that of the cluster that takes it.
 */
function serviceOf(fields: Fields, destination: Party): Service {
  if (fields.serviceName !== "") {
    return {
      host: fields.service || unknown,
      name: fields.serviceName,
      namespace: fields.serviceNamespace || unknown,
    };
  }
  return { host: unknown, name: destination.workload, namespace: destination.namespace };
}

function securityOf(protocol: Protocol, fields: Fields): Security {
  if (fields.peerPrincipal !== "") return "mutual_tls";
  if (fields.reporter === "destination") return "none";
  const connected =
    protocol === "tcp" ? !neverConnected(fields.responseFlags) : fields.upstreamProtocol !== "";
  return connected ? "none" : unknown;
}

/** No host, connection failed, no route or no such cluster, overflow, connection attempts exhausted, fetch timed out. */
const connectionFailures = new Set(["UH", "UF", "NR", "NC", "UO", "URX", "DF", "OM"]);

function neverConnected(flags: string): boolean {
  return flags.split(",").some((flag) => connectionFailures.has(flag));
}

/** A client that went away before the answer began (code 0) is not the server's fault. */
const clientGone = new Set(["DC", "DR"]);

/** The server errors among gRPC's codes: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ */
const grpcServerErrors = new Set(["2", "4", "12", "13", "14", "15"]);

/** Too Many Requests, and what is RESOURCE_EXHAUSTED to gRPC; whoever said it. */
function wasLimited({ responseCode, grpcStatus }: Fields): boolean {
  return grpcStatus === "" ? responseCode === "429" : grpcStatus === "8";
}

function requestFailed({ responseCode, responseFlags, grpcStatus }: Fields): boolean {
  if (grpcStatus !== "") return grpcServerErrors.has(grpcStatus);
  const code = Number(responseCode);
  return code >= 500 || (code === 0 && !responseFlags.split(",").some((flag) => clientGone.has(flag)));
}

/** Status and response flags, which Envoy takes from a list of its own; anything else is none of ours. */
function failureOf(protocol: Protocol, fields: Fields): string | undefined {
  const failed = protocol === "tcp" ? neverConnected(fields.responseFlags) : requestFailed(fields);
  if (!failed) return undefined;
  const { responseCode, responseFlags, grpcStatus } = fields;
  const status = protocol === "grpc" ? `grpc ${grpcStatus}` : protocol === "tcp" ? "" : responseCode;
  const flags = responseFlags === "-" ? "" : responseFlags;
  const failure = `${status} ${flags}`.trim();
  return /^[a-zA-Z0-9, ]{1,40}$/.test(failure) ? failure : unknown;
}
