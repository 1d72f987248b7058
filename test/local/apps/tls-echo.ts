// A server with a certificate of its own: HTTP/1.1 and HTTP/2 by TLS, each request answered with what was seen of it.
//   tls-echo.ts --port PORT --directory DIRECTORY [--mutual]
// The directory has tls.crt, tls.key and ca.crt; with --mutual a client must have a certificate of that authority.
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** The answer's body, as JSON. */
export interface SeenTls {
  readonly httpVersion: string;
  /** What the client called the server. */
  readonly serverName: string | false;
  /** The names in the client's certificate; empty where it has sent none. */
  readonly client: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8443" },
    directory: { type: "string", default: "" },
    mutual: { type: "boolean", default: false },
  },
});
const file = (name: string) => readFileSync(join(values.directory, name));

createSecureServer(
  {
    allowHTTP1: true,
    cert: file("tls.crt"),
    key: file("tls.key"),
    ca: file("ca.crt"),
    requestCert: true,
    rejectUnauthorized: values.mutual,
  },
  (request, response) => {
    const { socket } = request.httpVersion === "2.0" ? (request.stream.session ?? {}) : request;
    const seen = socket as unknown as {
      readonly servername?: string | false;
      getPeerCertificate?(): { readonly subjectaltname?: string };
    };
    const body: SeenTls = {
      httpVersion: request.httpVersion,
      serverName: seen.servername ?? false,
      client: seen.getPeerCertificate?.().subjectaltname ?? "",
      headers: request.headers,
    };
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify(body)}\n`);
  },
).listen(Number(values.port));
process.on("SIGTERM", () => process.exit(0));
