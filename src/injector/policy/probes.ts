/** `rewriteProbes` in CEL: the operations of a JSON Patch. */
import { healthPort } from "#interception/addresses.ts";
import { hookFields, probeFields } from "../probes.ts";
import type { Variable } from "./cel.ts";

const containerLists = ["initContainers", "containers"];
const port = String(healthPort);

/**
 * What is rewritten, each a map of where it stands and which path the health port has for it. `httpProbes` keep their
 * headers; the others become requests by HTTP.
 */
export function probeVariables(): readonly Variable[] {
  const http = [...probeFields, ...hookFields.map((field) => `lifecycle.${field}`)];
  return [
    { name: "httpProbes", expression: ofAll(http, httpProbe) },
    { name: "tcpProbes", expression: ofAll(probeFields, tcpProbe) },
    { name: "grpcProbes", expression: ofAll(probeFields, grpcProbe) },
  ];
}

/** The operations. */
export function probePatch(): string {
  const request = `{"path": dyn(p.path), "port": dyn(${port})}`;
  const replaced = (probes: string, original: string) => [
    `variables.${probes}.map(p, JSONPatch{op: "remove", path: p.at + "/${original}"})`,
    `variables.${probes}.map(p, JSONPatch{op: "add", path: p.at + "/httpGet", value: ${request}})`,
  ];
  return [
    'variables.httpProbes.map(p, JSONPatch{op: "add", path: p.at + "/httpGet/path", value: p.path})',
    `variables.httpProbes.map(p, JSONPatch{op: "add", path: p.at + "/httpGet/port", value: ${port}})`,
    'variables.httpProbes.map(p, JSONPatch{op: "add", path: p.at + "/httpGet/scheme", value: "HTTP"})',
    ...replaced("tcpProbes", "tcpSocket"),
    ...replaced("grpcProbes", "grpc"),
  ].join(" + ");
}

/** Whether the handler at a path of container `c` is rewritten, and to which path. */
type Rewriting = (handler: string) => { readonly condition: string; readonly path: string };

function ofAll(handlers: readonly string[], rewriting: Rewriting): string {
  const lists = containerLists.flatMap((list) =>
    handlers.map((handler) => {
      const { condition, path } = rewriting(handler);
      const at = `"/spec/${list}/" + string(i) + "/${handler.replaceAll(".", "/")}"`;
      return `object.spec.?${list}.orValue([]).transformList(i, c, ${condition}, {"at": ${at}, "path": ${path}})`;
    }),
  );
  return lists.join(" + ");
}

function httpProbe(handler: string): ReturnType<Rewriting> {
  const request = `c.${handler}.httpGet`;
  const path = `${request}.?path.orValue("")`;
  const scheme = `(${request}.?scheme.orValue("") == "HTTPS" ? "/https/" : "/http/")`;
  return {
    condition: [
      isThere(handler, "httpGet"),
      `!has(${request}.host)`,
      `string(${request}.port) != "${port}"`,
      isKnownPort(`${request}.port`),
    ].join(" && "),
    path: `${scheme} + ${portNumber(`${request}.port`)} + (${path}.startsWith("/") ? "" : "/") + ${path}`,
  };
}

function tcpProbe(handler: string): ReturnType<Rewriting> {
  const socket = `c.${handler}.tcpSocket`;
  return {
    condition: `${isThere(handler, "tcpSocket")} && !has(${socket}.host) && ${isKnownPort(`${socket}.port`)}`,
    path: `"/tcp/" + ${portNumber(`${socket}.port`)}`,
  };
}

function grpcProbe(handler: string): ReturnType<Rewriting> {
  const check = `c.${handler}.grpc`;
  return {
    condition: isThere(handler, "grpc"),
    path: `"/grpc/" + string(${check}.port) + "/" + ${check}.?service.orValue("")`,
  };
}

function isThere(handler: string, kind: string): string {
  return `c.?${handler.replaceAll(".", ".?")}.?${kind}.hasValue()`;
}

function isNumber(value: string): string {
  return `string(${value}).matches("^[0-9]+$")`;
}

function isKnownPort(value: string): string {
  return `(${isNumber(value)} || c.?ports.orValue([]).exists(q, q.?name.orValue("") == string(${value})))`;
}

function portNumber(value: string): string {
  const named = `c.?ports.orValue([]).filter(q, q.?name.orValue("") == string(${value}))[0].containerPort`;
  return `(${isNumber(value)} ? string(${value}) : string(${named}))`;
}
