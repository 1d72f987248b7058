// The commands that Envoy 1.40 fills in where they stand in the value of a header, such as `%PROTOCOL%`.
// https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/observability/access_log/usage#command-operators
import { ownValue } from "./own-value.ts";

/** What may stand in the parentheses of a command; undefined: nothing, nor is it cut off by `:LENGTH`. */
interface CommandForm {
  readonly argument: RegExp;
  /** Whether it may stand without. */
  readonly optional?: true;
  /** Whether `:LENGTH` may come after it. */
  readonly cut?: true;
}

const anything: CommandForm = { argument: /^.*$/, optional: true };
/** A name, and one that counts where nothing has the first. */
const header: CommandForm = { argument: /^[^?]+(?:\?[^?]+)?$/, cut: true };
const name: CommandForm = { argument: /^.+$/, cut: true };
const state: CommandForm = { argument: /^[^:]+(?::PLAIN|:TYPED)?$/, cut: true };

const withArguments: Readonly<Record<string, CommandForm>> = {
  REQ: header,
  REQUEST_HEADER: header,
  STREAM_INFO_REQ: header,
  RESP: header,
  RESPONSE_HEADER: header,
  TRAILER: header,
  RESPONSE_TRAILER: header,
  DYNAMIC_METADATA: name,
  ENVIRONMENT: name,
  QUERY_PARAM: name,
  FILTER_STATE: state,
  UPSTREAM_FILTER_STATE: state,
  CLUSTER_METADATA: { argument: /^.+$/ },
  UPSTREAM_METADATA: { argument: /^.+$/ },
  GRPC_STATUS: { argument: /^(?:CAMEL_STRING|SNAKE_STRING|NUMBER)$/, optional: true },
  PATH: { argument: /^(?:WQ|NQ)$/, optional: true },
  QUERY_PARAMS: { argument: /^(?:ORIG|DECODED)$/, optional: true },
  REQUESTED_SERVER_NAME: { argument: /^(?:SNI_ONLY|SNI_FIRST|HOST_FIRST)$/, optional: true },
  RESPONSE_CODE_DETAILS: anything,
  // Of times, how they are written.
  START_TIME: anything,
  START_TIME_LOCAL: anything,
  EMIT_TIME: anything,
  EMIT_TIME_LOCAL: anything,
  DOWNSTREAM_PEER_CERT_V_START: anything,
  DOWNSTREAM_PEER_CERT_V_END: anything,
  UPSTREAM_PEER_CERT_V_START: anything,
  UPSTREAM_PEER_CERT_V_END: anything,
};

const plain: ReadonlySet<string> = new Set(
  `ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS
  DURATION FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME LISTENER_NAME LOCAL_REPLY_BODY PACKETS_RETRANSMITTED PROTOCOL
  REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS
  RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME
  ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US SPAN_ID STREAM_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID
  UNIQUE_ID VIRTUAL_CLUSTER_NAME
  DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
  DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION
  DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS
  DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_CLOSE_REASON
  DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_OTHERNAME_SAN
  DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS
  DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256
  DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL
  DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN
  DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER
  DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON
  DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT
  UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED
  UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED
  UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT
  UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
  UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
  UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN
  UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT
  UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME
  UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON
  UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT`.split(/\s+/),
);

const parts = /%%|%([A-Z][A-Z0-9_]*)(?:\((.*?)\))?(?::(\d+))?%|%/g;

/** A value in which commands are filled in: a percent sign that begins none is one. */
export function withCommands(value: string): string {
  return value.replaceAll(parts, (found) => (found === "%" ? "%%" : found));
}

/** Why a value has a command that proxies do not fill in; the message says what to do. */
export function commandFault(value: string): string | undefined {
  for (const [text, command, argument, length] of value.matchAll(parts)) {
    if (command === undefined) continue;
    const form = ownValue(withArguments, command);
    const isPlain = plain.has(command);
    if (!isPlain && form === undefined)
      return `${text} is no command of a proxy; a percent sign is written %%`;
    if (form === undefined ? isBare(argument, length) : fits(form, argument, length)) continue;
    return `${text} is not how the command ${command} is written`;
  }
  return undefined;
}

function isBare(argument: string | undefined, length: string | undefined): boolean {
  return (argument ?? "") === "" && length === undefined;
}

function fits(form: CommandForm, argument: string | undefined, length: string | undefined): boolean {
  if (length !== undefined && (form.cut !== true || length.length > 9)) return false;
  return argument === undefined || argument === "" ? form.optional === true : form.argument.test(argument);
}
