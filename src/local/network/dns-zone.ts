import type { Answer, Packet, Question } from "dns-packet";
import { MACHINE_ADDRESS, NODE_ADDRESS } from "../addresses.ts";
import type { ServiceEndpoints } from "./service-endpoints.ts";

/** Short, as names of pods change with the pods. */
const TTL_SECONDS = 5;
const DOMAIN = "cluster.local";
/** The control plane has a name without having a service, with and without the cluster's domain. */
const CONTROL_PLANE = ["heddle.heddle-system.svc", `heddle.heddle-system.svc.${DOMAIN}`];
/** This machine, as Docker has `host.docker.internal`. */
const MACHINE = "host.heddle.internal";

/** Finds a service by its namespace and name. */
export type FindService = (namespace: string, name: string) => ServiceEndpoints | undefined;

/**
 * Whether a name is for the mesh to answer, be it known or not: names of the cluster, those of one label, and that of
 * this machine.
 */
export function isOwnName(name: string): boolean {
  const lower = name.toLowerCase();
  return (
    CONTROL_PLANE.includes(lower) ||
    lower === MACHINE ||
    lower === DOMAIN ||
    lower.endsWith(`.${DOMAIN}`) ||
    !lower.includes(".")
  );
}

/** The host that the service of a name is another name of (`ExternalName`), without a dot at the end. */
export function aliasOf(name: string, find: FindService): string | undefined {
  const [service = "", namespace = "", ...domain] = name.toLowerCase().split(".");
  if (domain.join(".") !== `svc.${DOMAIN}`) return undefined;
  return find(namespace, service)?.externalName?.replace(/\.$/u, "");
}

/** The answer for another name of a host: that, and what is known of the host. Pure. */
export function answerAlias(query: Packet, host: string, found: Packet): Packet {
  const name = query.questions?.[0]?.name ?? "";
  const alias: Answer = { type: "CNAME", name, ttl: TTL_SECONDS, data: host };
  const failure = (found.flags ?? 0) & 15;
  return { ...response(query, failure), answers: [alias, ...(found.answers ?? [])] };
}

/** The answer that nobody outside could be asked. Pure. */
export function serverFailure(query: Packet): Packet {
  return { ...response(query, 2), answers: [] };
}

/** The answer to one query, per https://github.com/kubernetes/dns/blob/master/docs/specification.md. Pure. */
export function answerQuery(query: Packet, find: FindService): Packet {
  const question = query.questions?.[0];
  const known = question === undefined ? undefined : recordsOf(question.name.toLowerCase(), find);
  const answers = question === undefined || known === undefined ? [] : matching(question, known);
  const authoritative = 0x0400;
  const nameError = known === undefined ? 3 : 0;
  return { ...response(query, authoritative | nameError), answers };
}

function response(query: Packet, flags: number): Packet {
  return {
    type: "response",
    ...(query.id === undefined ? {} : { id: query.id }),
    flags: flags | ((query.flags ?? 0) & 0x0100),
    questions: query.questions ?? [],
    additionals: [],
  };
}

function matching(question: Question, known: readonly Answer[]): Answer[] {
  const named = known.map((record) => ({ ...record, name: question.name }));
  return named.filter((record) => record.type === question.type);
}

/** All records of a name; nothing if the name does not exist. */
function recordsOf(name: string, find: FindService): readonly Answer[] | undefined {
  if (CONTROL_PLANE.includes(name)) return [address(name, NODE_ADDRESS)];
  if (name === MACHINE) return [address(name, MACHINE_ADDRESS)];
  const labels = name.split(".");
  const suffix = ["svc", ...DOMAIN.split(".")];
  if (labels.slice(-suffix.length).join(".") !== suffix.join(".")) return undefined;
  const [namespace, service, ...inner] = labels.slice(0, -suffix.length).toReversed();
  if (namespace === undefined || service === undefined) return undefined;
  const found = find(namespace, service);
  if (found === undefined) return undefined;
  return innerRecords(name, inner.toReversed(), found);
}

function innerRecords(
  name: string,
  inner: readonly string[],
  service: ServiceEndpoints,
): readonly Answer[] | undefined {
  const [first, second] = inner;
  if (first === undefined) return addresses(name, service);
  if (second !== undefined && inner.length === 2) return portRecords(name, first, second, service);
  const members = service.members.filter((member) => member.hostname === first && inner.length === 1);
  return members.length === 0 ? undefined : members.map((member) => address(name, member.address));
}

function addresses(name: string, service: ServiceEndpoints): readonly Answer[] {
  if (service.address !== undefined) return [address(name, service.address)];
  return service.members.map((member) => address(name, member.address));
}

/** `_port._protocol.service`: one record for the service, or one for each member of a headless one that has a name. */
function portRecords(
  name: string,
  port: string,
  protocol: string,
  service: ServiceEndpoints,
): readonly Answer[] | undefined {
  const found = service.ports.find((entry) => `_${entry.name}` === port && `_${entry.protocol}` === protocol);
  if (found === undefined) return undefined;
  const base = `${service.name}.${service.namespace}.svc.${DOMAIN}`;
  if (service.address !== undefined) return [portRecord(name, base, found.port)];
  return service.members.flatMap((member) => {
    const target = found.targets.find((entry) => entry.address === member.address);
    if (target === undefined || member.hostname === undefined) return [];
    return [portRecord(name, `${member.hostname}.${base}`, target.port)];
  });
}

function address(name: string, data: string): Answer {
  return { type: "A", name, ttl: TTL_SECONDS, data };
}

function portRecord(name: string, target: string, port: number): Answer {
  return { type: "SRV", name, ttl: TTL_SECONDS, data: { priority: 0, weight: 100, port, target } };
}
