import { Transform } from "node:stream";

/** Begins each line of a text with a name, for texts that come in turns; passes on whole lines alone. */
export function markedLines(name: string): Transform {
  let rest = "";
  const mark = (line: string): string => (line === "" ? "\n" : `${name}: ${line}\n`);
  return new Transform({
    decodeStrings: false,
    encoding: "utf8",
    transform(chunk: Buffer | string, _encoding, done) {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      done(null, lines.map(mark).join(""));
    },
    flush(done) {
      done(null, rest === "" ? "" : mark(rest));
    },
  });
}
