// Retrying what was provably never handed to the application: the server's sidecar marks its own refusals, the
// client's sidecar retries on the mark and takes it off.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { HeaderMutationSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation";
import { UpstreamCodecSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec";
import type { HttpConnectionManagerSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { PreviousHostsPredicateSchema } from "@heddle/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts";
import { HttpProtocolOptionsSchema } from "@heddle/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options";
import { type AdsResource, ads } from "#test/helpers/ads.ts";
import { any, extension, type Init, socketAddress } from "#test/helpers/config.ts";
import { type Answer, type Ask, type EchoApp, request, startEcho } from "#test/helpers/http.ts";
import { fixedCluster, type Plain, plainManager, startPlain } from "./plain.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const mark = "x-heddle-unhandled";
/** Client's listeners, with and without the retry policy; servers' listeners, before a dead and a living application. */
const ports = { retrying: 8000, plain: 8001, dead: 8002, living: 8003 } as const;
const body = "may be sent once only";
let plain: Plain;
let app: EchoApp;

/** Marks local replies that were made because no connection to the application could be had. */
const marking: Init<typeof HttpConnectionManagerSchema> = {
  localReplyConfig: {
    mappers: [
      {
        filter: {
          filterSpecifier: { case: "responseFlagFilter", value: { flags: ["UF", "UH"] } },
        },
        headersToAdd: [{ header: { key: mark, value: "1" } }],
      },
    ],
  },
};

function listener(name: string, port: number, filter: ReturnType<typeof extension>): AdsResource {
  return ads("listener", ListenerSchema, {
    name,
    address: socketAddress("127.0.0.1", port),
    filterChains: [{ filters: [filter] }],
  });
}

/** All requests to `cluster`; the mark comes off on the way out, whoever set it. */
function manager(cluster: string, options: { readonly retry: boolean; readonly server: boolean }) {
  const retryPolicy = {
    retryOn: "connect-failure,refused-stream,reset-before-request,retriable-headers",
    retriableHeaders: [{ name: mark, headerMatchSpecifier: { case: "presentMatch" as const, value: true } }],
    numRetries: 2,
    retryHostPredicate: [
      extension("envoy.retry_host_predicates.previous_hosts", PreviousHostsPredicateSchema, {}),
    ],
    hostSelectionRetryMaxAttempts: 5n,
  };
  return plainManager(options.server ? marking : {}, {
    responseHeadersToRemove: [mark],
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: cluster },
        ...(options.retry ? { retryPolicy } : {}),
      },
    },
  });
}

/** Takes headers off requests after routing, so that the path's last rewrite is covered, whatever the endpoint is. */
const strippingOptions = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: "useDownstreamProtocolConfig",
      value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
    },
    httpFilters: [
      extension("envoy.filters.http.header_mutation", HeaderMutationSchema, {
        mutations: { requestMutations: [{ action: { case: "remove", value: "x-strip" } }] },
      }),
      extension("envoy.filters.http.upstream_codec", UpstreamCodecSchema, {}),
    ],
  }),
};

const ask = async (port: number, more: Ask = {}): Promise<Answer> =>
  request(await plain.namespace.connect("127.0.0.1", port), {
    ...more,
    headers: { host: "x", connection: "close", ...more.headers },
  });

before(async () => {
  plain = await startPlain(
    stack,
    (type) => {
      if (type === "listener")
        return [
          listener("retrying", ports.retrying, manager("servers", { retry: true, server: false })),
          listener("plain", ports.plain, manager("servers", { retry: false, server: false })),
          listener("dead", ports.dead, manager("dead-app", { retry: false, server: true })),
          listener("living", ports.living, manager("living-app", { retry: false, server: true })),
        ];
      return [
        // By default at most three retries may be under way in a cluster.
        fixedCluster("servers", [`127.0.0.1:${ports.dead}`, `127.0.0.1:${ports.living}`], {
          circuitBreakers: { thresholds: [{ maxRetries: 100 }] },
        }),
        fixedCluster("dead-app", ["127.0.0.1:9001"]),
        fixedCluster("living-app", ["127.0.0.1:9002"], { typedExtensionProtocolOptions: strippingOptions }),
      ];
    },
    "living",
  );
  app = startEcho(await plain.namespace.listen(9002), "app", (incoming, response, echo) => {
    if (incoming.url === "/forge") response.setHeader(mark, "1");
    if (incoming.url === "/fail") response.statusCode = 503;
    response.end(JSON.stringify(echo));
  });
  stack.adopt(app, () => app.close());
});

test("a local reply for want of the application carries the mark, and no route takes it off again", async () => {
  const answer = await ask(ports.dead, { method: "POST", body });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers[mark], "1");
});

test("without the policy some requests fail; the mark does not leave the client's sidecar", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask(ports.plain, { method: "POST", body })),
  );
  assert.ok(answers.some(({ status }) => status === 503));
  assert.ok(answers.every(({ headers }) => headers[mark] === undefined));
});

test("with the policy every POST succeeds, and reaches the application once", async () => {
  const reached = app.requests();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask(ports.retrying, { method: "POST", body })),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(answers.every(({ headers }) => headers[mark] === undefined));
  assert.equal(app.requests() - reached, 20);
});

test("an application's own 503, and a mark that it forges, are not retried", async () => {
  for (const [path, status] of [
    ["/fail", 503],
    ["/forge", 200],
  ] as const) {
    const reached = app.requests();
    for (let round = 0; round < 10; round++) {
      const answer = await ask(ports.retrying, { method: "POST", body, path });
      assert.equal(answer.status, status);
      assert.equal(answer.headers[mark], undefined);
    }
    assert.equal(app.requests() - reached, 10);
  }
});

test("an upstream filter of a cluster strips request headers behind the router", async () => {
  const echo = (await ask(ports.living, { headers: { "x-strip": "1", "x-keep": "1" } })).echo();
  assert.equal(echo.headers["x-strip"], undefined);
  assert.equal(echo.headers["x-keep"], "1");
});
