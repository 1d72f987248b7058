// TCP on demand by destination, and what is outside of the mesh's ranges.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import { ClusterLoadAssignmentSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import { type AdsResource, ads, settle } from "#test/helpers/ads.ts";
import { socketAddress } from "#test/helpers/config.ts";
import { readUntil } from "#test/helpers/http.ts";
import { createPodNetwork, type PodNetwork } from "#test/helpers/namespace.ts";
import {
  edsCluster,
  endpoints,
  outboundListener,
  outboundRoutes,
  outsideCluster,
  serverFirstPort,
  tcpLookUpMs,
} from "./outbound.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const weights: Readonly<Record<number, number>> = { 9001: 9, 9002: 1 };
const detectionMs = 1_000;
/** Less than a connection waits for a cluster of which nothing is said, however busy the machine is. */
const atOnceMs = tcpLookUpMs - 1_000;
let network: PodNetwork;
let sidecar: Sidecar;

/** Weighted TCP: one cluster whose localities carry the weights. */
function weightedEndpoints(clusterName: string): AdsResource {
  return ads("endpoints", ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: Object.entries(weights).map(([port, weight]) => ({
      locality: { region: port },
      loadBalancingWeight: weight,
      lbEndpoints: [
        {
          loadBalancingWeight: 1,
          hostIdentifier: {
            case: "endpoint" as const,
            value: { address: socketAddress("127.0.0.1", Number(port)) },
          },
        },
      ],
    })),
  });
}

const weightedCluster = (name: string): AdsResource =>
  edsCluster(name, {
    commonLbConfig: { localityConfigSpecifier: { case: "localityWeightedLbConfig", value: {} } },
  });

/** What a connection to `destination` reads up to a line's end, after it wrote `first`; and how long that took. */
async function talk(
  destination: string,
  first = "",
): Promise<{ readonly line: string; readonly ms: number }> {
  const start = performance.now();
  const socket = await sidecar.dial(destination);
  if (first !== "") socket.write(first);
  const line = await readUntil(socket, "\n").finally(() => socket.destroy());
  return { line: line.trim(), ms: performance.now() - start };
}

/** The shortest time of several tries: a busy machine makes single ones long. */
async function shortest<T>(tries: readonly T[], time: (item: T) => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (const item of tries) best = Math.min(best, await time(item));
  return best;
}

const isClosed = (destination: string): Promise<void> =>
  assert.rejects(talk(destination), /connection ended|ECONNRESET/);

before(async () => {
  network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const pod = await network.pod("10.244.0.2");
  const serve = async (port: number, onSocket: (socket: net.Socket) => void): Promise<void> => {
    const server = net.createServer((socket) => onSocket(socket.on("error", () => {})));
    stack.adopt(server.listen(await pod.listen(port)), () => void server.close());
  };
  await serve(9000, (socket) => {
    socket.write("hello\n");
    socket.on("data", (data) => socket.write(`got ${String(data)}`));
  });
  for (const port of Object.keys(weights).map(Number))
    await serve(port, (socket) => socket.once("data", () => socket.end(`${port}\n`)));
  sidecar = await startSidecar(stack, pod, (type, name) => {
    if (type === "listener") return [outboundListener({ detectionMs })];
    if (type === "routes") return [outboundRoutes];
    const isWeighted = name.startsWith("tcp|10.96.0.9:");
    if (type === "endpoints" && name.startsWith("tcp|10.96.1.")) return [endpoints(name)];
    if (type === "endpoints")
      return isWeighted ? [weightedEndpoints(name)] : [endpoints(name, "127.0.0.1:9000")];
    if (type !== "cluster" || name.startsWith("tcp|10.96.1.")) return undefined;
    if (name === "*") return [outsideCluster];
    if (name.startsWith("tcp|10.96.2.")) return [];
    return [isWeighted ? weightedCluster(name) : edsCluster(name)];
  });
});

test("a server that speaks first on a declared port is heard without delay, first and later", async () => {
  const ms = await shortest(["first", "later", "later"], async () => {
    const heard = await talk(`10.96.0.1:${serverFirstPort}`);
    assert.equal(heard.line, "hello");
    return heard.ms;
  });
  assert.ok(ms < detectionMs, `took ${ms} ms`);
});

test("on an undeclared port it waits for the end of detection", async () => {
  for (const round of ["first", "later"]) {
    const { line, ms } = await talk("10.96.0.1:5000");
    assert.equal(line, "hello", round);
    assert.ok(ms >= detectionMs * 0.9, `${round} took ${ms} ms`);
  }
});

// What could still become an HTTP method, such as "hey" without a line's end, waits for more.
test("a client that speaks first, TLS or any other, is recognised at once", async () => {
  const tlsHello = Buffer.from("160301020001000001fc0303", "hex").toString("latin1");
  for (const first of ["hey\n", tlsHello]) {
    const ms = await shortest([first, first, first], async (said) => {
      const heard = await talk("10.96.0.2:5000", said);
      assert.match(heard.line, /^hello/);
      return heard.ms;
    });
    assert.ok(ms < detectionMs, `took ${ms} ms`);
  }
});

test("each destination asks once", () => {
  const asked = sidecar.ads.subscribed("cluster").filter((name) => name.includes("10.96.0.1:"));
  assert.deepEqual(asked, [`tcp|10.96.0.1:${serverFirstPort}`, "tcp|10.96.0.1:5000"]);
});

test("weights of localities share connections out", async () => {
  const counts: Record<string, number> = {};
  for (let connection = 0; connection < 100; connection++) {
    const { line } = await talk("10.96.0.9:5000", "hey\n");
    counts[line] = (counts[line] ?? 0) + 1;
  }
  const { 9001: many = 0, 9002: few = 0 } = counts;
  assert.equal(many + few, 100);
  assert.ok(few > 0 && few < 30, `${few} of 100 where 10 were expected`);
});

test("what is outside of the ranges is passed through", async () => {
  const other = await network.pod("10.244.0.3");
  other.run("ip", ["address", "add", "192.0.2.1/32", "dev", "lo"]);
  network.node.run("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
  network.node.run("ip", ["route", "add", "192.0.2.1", "via", "10.244.0.3"]);
  const server = net.createServer((socket) => socket.end("outside\n"));
  stack.adopt(server.listen(await other.listen(7000)), () => void server.close());
  assert.equal((await talk("192.0.2.1:7000")).line, "outside");
});

test("dialling the listener itself gives nothing", async () => {
  for (const address of ["127.0.0.1", "10.244.0.2"]) {
    await isClosed(`${address}:15001`);
    await assert.rejects(sidecar.ask(`${address}:15001`, "x"));
  }
});

/** How long a connection to `destination` takes to be closed. */
const timed = async (destination: string): Promise<number> => {
  const start = performance.now();
  await isClosed(destination);
  return performance.now() - start;
};

test("an unknown cluster closes the connection: at once when removed, but asked only once", async () => {
  const destination = `10.96.2.1:${serverFirstPort}`;
  assert.ok((await timed(destination)) < atOnceMs);
  // The second connection waits for the filter's own timeout, as one that is never answered does.
  const [again, unanswered] = await Promise.all([timed(destination), timed(`10.96.1.1:${serverFirstPort}`)]);
  assert.ok(again > atOnceMs && unanswered > atOnceMs, `${again} ms, ${unanswered} ms`);
});

test("a cluster without endpoints is the better way to say no", async () => {
  const name = `tcp|10.96.1.2:${serverFirstPort}`;
  await settle(sidecar.ads, [edsCluster(name), endpoints(name)]);
  for (let connection = 0; connection < 3; connection++)
    assert.ok((await timed(`10.96.1.2:${serverFirstPort}`)) < atOnceMs);
});
