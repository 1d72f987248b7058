import assert from "node:assert/strict";
import { test } from "node:test";
import { headerFault, withCommands } from "./headers.ts";

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
