import assert from "node:assert/strict";
import { test } from "node:test";
import { commandFault, withCommands } from "./commands.ts";
import { headerFault } from "./headers.ts";

test("a percent sign that begins no command is one", () => {
  const values = {
    "100%": "100%%",
    "/a%20b": "/a%%20b",
    "5% of %PROTOCOL%": "5%% of %PROTOCOL%",
    "%REQ(x-a?:path):10% %START_TIME(%Y/%m)%": "%REQ(x-a?:path):10% %START_TIME(%Y/%m)%",
    "100%% %50%": "100%% %%50%%",
  };
  assert.deepEqual(Object.keys(values).map(withCommands), Object.values(values));
});

test("names with spaces and values with line breaks are no headers", () => {
  assert.equal(headerFault("X-Ok", "a b: c"), undefined);
  assert.match(headerFault("x bad", "a") ?? "", /no name of a header/);
  assert.match(headerFault("x-policy", "default-src 'self'\n") ?? "", /line break/);
});

test("commands that no proxy fills in are told", () => {
  const good = [
    "100% of %PROTOCOL%, %%NOSUCH%%",
    "%REQ(x-a?:path):10% %REQUEST_HEADER(a)%",
    "%START_TIME(%Y/%m)% %START_TIME%",
    "%DYNAMIC_METADATA(a:b):5%",
    "%GRPC_STATUS(NUMBER)% %GRPC_STATUS%",
    "%DOWNSTREAM_PEER_URI_SAN%",
    "%FILTER_STATE(a:PLAIN)%",
    "%lower(a)% %REQ(",
  ];
  const bad = [
    "%NOSUCH%",
    "%REQ%",
    "%REQ()%",
    "%REQ(a?b?c)%",
    "%PROTOCOL(x)%",
    "%PROTOCOL:3%",
    "%GRPC_STATUS(x)%",
    "%START_TIME:5%",
    "%CEL(1+)%",
    "%constructor% %CONSTRUCTOR%",
  ];
  assert.deepEqual(
    good.filter((value) => commandFault(value) !== undefined),
    [],
  );
  assert.deepEqual(
    bad.filter((value) => commandFault(value) === undefined),
    [],
  );
  assert.match(
    headerFault("x-a", "%NOSUCH%") ?? "",
    /%NOSUCH% is no command of a proxy; a percent sign is written %%/,
  );
});
