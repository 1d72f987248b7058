import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { markedLines } from "./marked-lines.ts";

test("each line has the mark, wherever the text was cut", async () => {
  const marked = markedLines("local");
  for (const part of ["✔ on", "e\n\n✔ two\n", "the end"]) marked.write(part);
  marked.end();
  assert.equal(await text(marked), "local: ✔ one\n\nlocal: ✔ two\nlocal: the end\n");
});
