import assert from "node:assert/strict";
import { test } from "node:test";
import { portProtocol } from "./port-protocol.ts";
import type { PortProtocol } from "./service.ts";

const cases: readonly (readonly [name: string | undefined, appProtocol: string | undefined, PortProtocol])[] =
  [
    ["http", undefined, "http"],
    ["http-web", undefined, "http"],
    ["HTTP2-web", undefined, "http"],
    ["grpc", undefined, "grpc"],
    ["grpc-web", undefined, "grpc"],
    ["grpc-web-edge", undefined, "grpc"],
    ["tcp-db", undefined, "tcp"],
    ["mongo", undefined, "tcp"],
    ["mysql", undefined, "tcp"],
    ["redis-cache", undefined, "tcp"],
    ["tls", undefined, "tls"],
    ["https-web", undefined, "tls"],
    [undefined, "kubernetes.io/h2c", "http"],
    [undefined, "kubernetes.io/ws", "http"],
    [undefined, "kubernetes.io/wss", "tls"],
    [undefined, "HTTPS", "tls"],
    // What is said decides over what is named; what is unknown leaves it to the name.
    ["http", "tcp", "tcp"],
    ["http", "example.com/own", "http"],
    ["web", undefined, "detect"],
    ["httpish", undefined, "detect"],
    [undefined, undefined, "detect"],
  ];

for (const [name, appProtocol, protocol] of cases) {
  test(`a port named ${name ?? "nothing"}${appProtocol === undefined ? "" : ` with appProtocol ${appProtocol}`} is ${protocol}`, () => {
    assert.equal(
      portProtocol({
        ...(name === undefined ? {} : { name }),
        ...(appProtocol === undefined ? {} : { appProtocol }),
      }),
      protocol,
    );
  });
}
