import assert from "node:assert/strict";
import { test } from "node:test";
import { resolversIn } from "./resolvers.ts";

test("the servers of a resolv.conf are its nameserver lines", () => {
  const text =
    "# made by hand\nsearch lan\nnameserver 192.0.2.1\nnameserver ::1\n  nameserver 192.0.2.2  \noptions ndots:5\n";
  assert.deepEqual(resolversIn(text), ["192.0.2.1", "::1", "192.0.2.2"]);
});
