// An application that writes down what it executes: appends `x-call method host path bytes` of each request, a line, to
// a file, and then does what the query says, on 8080:
//   ?cut=1 cuts the connection off, ?die=1 ends the process, ?status=N answers so, ?delay=MS takes as long
//   witness.ts FILE [--status N] [--delay MS]    what it does where the query says nothing
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { status: { type: "string", default: "200" }, delay: { type: "string", default: "0" } },
});
const file = positionals[0] ?? "";

createServer({ keepAliveTimeout: 0 }, (request, response) => {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => (bytes += chunk.length));
  request.on("end", () => {
    const { method, headers, url = "/" } = request;
    appendFileSync(file, `${String(headers["x-call"])} ${method} ${headers.host} ${url} ${bytes}\n`);
    const query = new URL(url, "http://here").searchParams;
    if (query.has("die")) process.exit(1);
    if (query.has("cut")) {
      request.socket.destroy();
      return;
    }
    setTimeout(
      () => {
        response.statusCode = Number(query.get("status") ?? flags.status);
        response.end("done");
      },
      Number(query.get("delay") ?? flags.delay),
    );
  });
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
