// What the Gateway API's conformance suite executes in a pod of server.ts:
//   client URL [--method=M] [-H NAME:VALUE]... [--count=N]
// It prints `Field=value` lines of what the client got and of what the server saw, a block for each call with an empty
// line after it, as the suite's parser expects them (conformance/utils/echo/parse.go).
import { Agent, request } from "node:http";
import { parseArgs } from "node:util";
import { credentials, Metadata } from "@grpc/grpc-js";
import { EchoClient } from "#test/local/apps/echo-grpc.ts";
import type { SeenRequest } from "#test/local/apps/echo-http.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    method: { type: "string", default: "GET" },
    header: { type: "string", short: "H", multiple: true, default: [] },
    count: { type: "string", default: "1" },
  },
});
const target = positionals[0] ?? "";
const headers = flags.header.map((line): readonly [string, string] => {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1)];
});
const TIMEOUT_MS = 10_000;

type Lines = readonly string[];

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function callHttp(): Promise<Lines> {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      method: flags.method,
      headers: Object.fromEntries(headers),
      timeout: TIMEOUT_MS,
    };
    const call = request(target, options, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve([
          `StatusCode=${response.statusCode}`,
          ...headerLines("ResponseHeader", response.rawHeaders),
          ...serverLines(body),
        ]),
      );
    });
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", reject);
    call.end();
  });
}

/** What the server saw; nothing when somebody else has answered. */
function serverLines(body: string): Lines {
  let seen: SeenRequest;
  try {
    seen = JSON.parse(body) as SeenRequest;
  } catch {
    return [];
  }
  return [
    `ServicePort=${seen.localAddress.split(":").at(-1)}`,
    `Host=${String(seen.headers["host"] ?? seen.headers[":authority"])}`,
    `URL=${seen.path}`,
    `Method=${seen.method}`,
    `Proto=HTTP/${seen.httpVersion}`,
    `IP=${seen.remoteAddress}`,
    ...headerLines("RequestHeader", seen.rawHeaders),
    `Hostname=${seen.name}`,
  ];
}

function headerLines(field: string, raw: readonly string[]): Lines {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [`${field}=${name}:${raw[index + 1]}`] : []));
}

const echoClient = target.startsWith("grpc:")
  ? new EchoClient(new URL(target).host, credentials.createInsecure())
  : undefined;

function callGrpc(client: EchoClient): Promise<Lines> {
  const metadata = new Metadata();
  for (const [name, value] of headers) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    client.unary({ text: "" }, metadata, { deadline: Date.now() + TIMEOUT_MS }, (error, reply) => {
      if (error !== null || reply === undefined) return reject(error ?? new Error("no reply"));
      const seen = Object.entries(reply.headers).map(
        ([name, value]) => `RequestHeader=${name}:${String(value)}`,
      );
      // The suite takes the success of gRPC for that of HTTP.
      return resolve(["StatusCode=200", ...seen, `Hostname=${reply.name}`]);
    });
  });
}

async function main(): Promise<void> {
  for (let index = 0; index < Number(flags.count); index++) {
    const lines = await (echoClient === undefined ? callHttp() : callGrpc(echoClient));
    process.stdout.write(`${lines.map((line) => `[${index}] ${line}`).join("\n")}\n\n`);
  }
  agent.destroy();
  echoClient?.close();
}

main().catch((error: unknown) => {
  console.error(String(error));
  process.exitCode = 1;
  agent.destroy();
  echoClient?.close();
});
