// What the latency-aware balancer (lb/) makes of Envoy, and what Envoy's dynamic-module interface can do.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { after as afterAll, describe, test } from "node:test";
import { freePort } from "#test/helpers/free-port.ts";
import { request } from "#test/helpers/http.ts";
import { until } from "#test/helpers/wait.ts";
import {
  type Answer,
  after,
  appCluster,
  type Balanced,
  balancerLibrary,
  type ClusterOptions,
  endpoint,
  latencyAware,
  never,
  router,
  type Server,
  startBalanced,
  startServer,
  status,
} from "./latency-aware.ts";

const library = await balancerLibrary();
const atOnce = status(200);

describe("the latency-aware balancer in Envoy", { concurrency: 1 }, () => {
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());

  async function servers(answers: readonly Answer[], version?: 1 | 2): Promise<readonly Server[]> {
    return Promise.all(
      answers.map(async (answer) => stack.adopt(await startServer(answer, version), (made) => made.close())),
    );
  }

  async function balance(
    localities: readonly object[],
    options?: ClusterOptions,
    filters?: readonly object[],
  ): Promise<Balanced> {
    const cluster = appCluster(library, localities, options);
    return stack.adopt(await startBalanced(library, cluster, filters && { filters }), (made) => made.stop());
  }

  /** One locality with the servers' ports. */
  const all = (list: readonly { readonly port: number }[]) => [
    { lb_endpoints: list.map(({ port }) => endpoint(port)) },
  ];

  test("the quicker endpoint gets nearly all", async () => {
    const [quick, slow] = await servers([after(2), after(400)]);
    const envoy = await balance(all([quick, slow] as Server[]));
    await send(envoy, 100, 2);
    assert.ok(slow !== undefined && slow.requests() <= 20, `${slow?.requests()} went to the slow one`);
  });

  test("an endpoint that hangs is avoided before a timeout tells so", async () => {
    const [good, hanging] = await servers([after(2), never]);
    const envoy = await balance(all([good, hanging] as Server[]));
    const statuses = await send(envoy, 300, 4);
    const failed = statuses.filter((code) => code !== 200).length;
    assert.ok(failed >= 1 && failed <= 15, `${failed} failed`);
    await nothingOutstanding(envoy, hanging);
  });

  test("an endpoint that refuses connections gets less than its share, though it fails at once", async () => {
    const [one, two] = await servers([after(2), after(2)]);
    const envoy = await balance(all([one, two, { port: await freePort() }] as Server[]));
    const statuses = await send(envoy, 300, 4);
    const failed = statuses.filter((code) => code === 503).length;
    assert.ok(failed >= 1 && failed <= 20, `${failed} failed`);
  });

  test("an endpoint that answers 503 at once gets less than its share", async () => {
    const [one, two, failing] = await servers([after(2), after(2), status(503)]);
    const envoy = await balance(all([one, two, failing] as Server[]));
    await send(envoy, 300, 4);
    assert.ok(failing !== undefined && failing.requests() <= 20, `${failing?.requests()} went to it`);
  });

  test("an endpoint that cuts requests off gets less than its share", async () => {
    const [one, two, cutting] = await servers([after(2), after(2), ({ socket }) => void socket?.destroy()]);
    const envoy = await balance(all([one, two, cutting] as Server[]));
    await send(envoy, 300, 4);
    assert.ok(cutting !== undefined && cutting.requests() <= 20, `${cutting?.requests()} went to it`);
  });

  test("what is beyond the limits of a cluster is no failure of an endpoint", async () => {
    const made = await servers([after(200), after(200)]);
    const envoy = await balance(all(made), {
      more: { circuit_breakers: { thresholds: [{ max_requests: 2 }] } },
    });
    const statuses = await send(envoy, 100, 12);
    assert.ok(statuses.filter((code) => code === 503).length > 20, "requests were refused");
    const latencies = Object.values(await envoy.known()).map(({ latencyMs }) => latencyMs ?? 0);
    // A failure counts a second, and each further one twice as much.
    assert.ok(Math.max(...latencies) < 3_000, `${latencies.join(" and ")} ms`);
  });

  test("HTTP/2 endpoints are measured, and gRPC failures in trailers count as failures", async () => {
    const unavailable: Answer = (response) => {
      response.writeHead(200, { "content-type": "application/grpc" });
      response.addTrailers({ "grpc-status": "14" });
      response.end("x");
    };
    const [one, two, failing] = await servers([after(2), after(2), unavailable], 2);
    const envoy = await balance(all([one, two, failing] as Server[]), { version: 2 });
    await send(envoy, 300, 4);
    assert.ok(failing !== undefined && failing.requests() <= 20, `${failing?.requests()} went to it`);
    const latency = (await envoy.known())[`127.0.0.1:${one?.port}`]?.latencyMs ?? 0;
    // A failure counts a second.
    assert.ok(latency >= 1 && latency < 1_000, `${latency} ms`);
  });

  test("priorities fail over, and no endpoint that is ejected or unhealthy is chosen", async () => {
    const [sick, spare] = await servers([atOnce, atOnce]);
    const envoy = await balance([
      { priority: 0, lb_endpoints: [endpoint(sick?.port ?? 0, { health_status: "UNHEALTHY" })] },
      { priority: 1, lb_endpoints: [endpoint(spare?.port ?? 0)] },
    ]);
    await send(envoy, 20, 2);
    assert.deepEqual([sick?.requests(), spare?.requests()], [0, 20]);
  });

  test("without a healthy endpoint the answer is 503: the interface knows no panic mode", async () => {
    const [sick] = await servers([atOnce]);
    const envoy = await balance([
      { lb_endpoints: [endpoint(sick?.port ?? 0, { health_status: "UNHEALTHY" })] },
    ]);
    assert.deepEqual(await send(envoy, 3, 1), [503, 503, 503]);
  });

  test("weights of endpoints are shares", async () => {
    const [one, three] = await servers([after(20), after(20)]);
    const envoy = await balance([
      {
        lb_endpoints: [
          endpoint(one?.port ?? 0, { load_balancing_weight: 1 }),
          endpoint(three?.port ?? 0, { load_balancing_weight: 3 }),
        ],
      },
    ]);
    await send(envoy, 400, 8);
    const share = (one?.requests() ?? 0) / 400;
    assert.ok(share > 0.15 && share < 0.4, `${share} went to the lighter one`);
  });

  test("weights of localities are shares, where the settings say so", async () => {
    const [near, far] = await servers([after(5), after(5)]);
    const place = (zone: string, weight: number, port = 0) => ({
      locality: { region: "r", zone },
      load_balancing_weight: weight,
      lb_endpoints: [endpoint(port)],
    });
    const envoy = await balance([place("near", 80, near?.port), place("far", 20, far?.port)], {
      settings: "locality_weighted=1",
    });
    await send(envoy, 300, 4);
    const share = (far?.requests() ?? 0) / 300;
    assert.ok(share > 0.1 && share < 0.32, `${share} went far`);
  });

  test("a session keeps its endpoint, whatever that costs, and what it does there is measured there", async () => {
    const [quick, slow] = await servers([after(2), after(40)]);
    const session = {
      name: "envoy.filters.http.stateful_session",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
        session_state: {
          name: "envoy.http.stateful_session.cookie",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
            cookie: { name: "session", path: "/", ttl: "60s" },
          },
        },
      },
    };
    const envoy = await balance(all([quick, slow] as Server[]), {}, [session, router]);
    await send(envoy, 1, 1);
    const before = slow?.requests() ?? 0;
    const cookie = `session=${Buffer.from(`127.0.0.1:${slow?.port}`).toString("base64")}`;
    assert.deepEqual(new Set(await send(envoy, 20, 2, { cookie })), new Set([200]));
    assert.equal((slow?.requests() ?? 0) - before, 20);
    const known = (await envoy.known())[`127.0.0.1:${slow?.port}`];
    assert.ok((known?.latencyMs ?? 0) > 30, `${known?.latencyMs} ms`);
    await nothingOutstanding(envoy, slow);
  });

  test("TCP goes through the policy, but nothing measures it", async () => {
    const [one, two] = await servers([atOnce, atOnce]);
    const cluster = {
      name: "app",
      type: "STATIC",
      ...latencyAware(library),
      load_assignment: { cluster_name: "app", endpoints: all([one, two] as Server[]) },
    };
    const envoy = stack.adopt(await startBalanced(library, cluster, { tcp: true }), (made) => made.stop());
    for (let index = 0; index < 20; index++) {
      const socket = net.connect(envoy.port, "127.0.0.1");
      assert.equal((await request(socket, { headers: { connection: "close" } })).status, 200);
    }
    assert.equal((one?.requests() ?? 0) + (two?.requests() ?? 0), 20);
    const known = Object.values(await envoy.known());
    assert.deepEqual(
      known,
      [0, 1].map(() => ({ latencyMs: null, outstanding: 0 })),
    );
  });

  test("settings that the module does not know are refused, and with them the cluster", async () => {
    await assert.rejects(
      startBalanced(library, appCluster(library, [], { settings: "speed=1" })),
      /failed to create/,
    );
  });
});

/** An answer comes a moment before its request is no longer counted. */
function nothingOutstanding(envoy: Balanced, server: Server | undefined): Promise<void> {
  const address = `127.0.0.1:${server?.port}`;
  return until(
    async () => (await envoy.known())[address]?.outstanding === 0,
    "the end of what is outstanding",
  );
}

/** The statuses of so many requests, `parallel` at a time. */
async function send(
  envoy: Balanced,
  count: number,
  parallel: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly number[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: parallel });
  const statuses: number[] = [];
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      statuses.push(await statusOf(agent, envoy.port, headers));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  agent.destroy();
  return statuses;
}

function statusOf(
  agent: http.Agent,
  port: number,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get({ agent, port, host: "127.0.0.1", headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0)).on("error", reject);
    });
    outgoing.on("error", reject);
  });
}
