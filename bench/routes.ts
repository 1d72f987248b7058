// What routes cost: sidecars beside two hand-written Envoys with the same matches and filters, in interleaved rounds.
import type { KubernetesObject } from "#model/object.ts";
import { type BareRoute, bareEnvoys, barePort, plainRoute } from "./local-mesh/bare-envoys.ts";
import { deployment, idle, namespace, server, serverPort, service } from "./local-mesh/fixture.ts";
import { startMesh } from "./local-mesh/mesh.ts";
import { measureWay, send, type Way } from "./local-mesh/ways.ts";
import type { Benchmark } from "./report.ts";

const meshed = "bench";
const bare = "bare";
const warmUpSeconds = 3;
const roundSeconds = 5;

/** All requests have them, whether or not a route looks. */
const headers = Object.fromEntries(
  Array.from({ length: 20 }, (_, index) => [`x-field-${index}`, `value ${index}`]),
);

const filterType = (name: string) => `type.googleapis.com/envoy.extensions.filters.http.${name}`;
const corsFilter = { name: "envoy.filters.http.cors", typed_config: { "@type": filterType("cors.v3.Cors") } };
const faultFilter = {
  name: "envoy.filters.http.fault",
  typed_config: { "@type": filterType("fault.v3.HTTPFault") },
};

/** A kind of route: what a VirtualService says of it, and the same by hand. */
interface Kind {
  readonly name: string;
  readonly http: object;
  readonly bare: BareRoute;
}

const kinds: readonly Kind[] = [
  { name: "plain", http: {}, bare: plainRoute },
  {
    name: "20 header matches",
    http: {
      match: [
        {
          headers: Object.fromEntries(Object.entries(headers).map(([name, exact]) => [name, { exact }])),
        },
      ],
    },
    bare: {
      port: barePort + 1,
      filters: [],
      route: {
        match: {
          prefix: "/",
          headers: Object.entries(headers).map(([name, exact]) => ({ name, string_match: { exact } })),
        },
        route: { cluster: "upstream", timeout: "0s" },
      },
    },
  },
  {
    name: "all filters",
    http: {
      headers: {
        request: { set: { "x-set": "1" }, add: { "x-add": "1" }, remove: ["x-field-0"] },
        response: { set: { "x-set": "1" }, remove: ["x-powered-by"] },
      },
      rewrite: { uri: "/rewritten" },
      timeout: "10s",
      retries: { attempts: 3, perTryTimeout: "5s", retryOn: "5xx,connect-failure" },
      corsPolicy: { allowOrigins: [{ exact: "https://example.com" }], allowMethods: ["GET", "POST"] },
      fault: { delay: { percentage: { value: 0.0001 }, fixedDelay: "1ms" } },
    },
    bare: {
      port: barePort + 2,
      filters: [corsFilter, faultFilter],
      route: {
        match: { prefix: "/" },
        route: {
          cluster: "upstream",
          timeout: "10s",
          prefix_rewrite: "/rewritten",
          retry_policy: { num_retries: 3, per_try_timeout: "5s", retry_on: "5xx,connect-failure" },
        },
        request_headers_to_add: [
          { header: { key: "x-set", value: "1" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
          { header: { key: "x-add", value: "1" } },
        ],
        request_headers_to_remove: ["x-field-0"],
        response_headers_to_add: [
          { header: { key: "x-set", value: "1" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
        ],
        response_headers_to_remove: ["x-powered-by"],
        typed_per_filter_config: {
          [corsFilter.name]: {
            "@type": filterType("cors.v3.CorsPolicy"),
            allow_origin_string_match: [{ exact: "https://example.com" }],
            allow_methods: "GET,POST",
          },
          [faultFilter.name]: {
            "@type": filterType("fault.v3.HTTPFault"),
            delay: { fixed_delay: "0.001s", percentage: { numerator: 1, denominator: "MILLION" } },
          },
        },
      },
    },
  },
];

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  runs: 7,
  figures: kinds.flatMap(({ name }) => [
    { name: `${name}: added p50`, unit: "ms" },
    { name: `${name}: added p99`, unit: "ms" },
    { name: `${name}: requests/s per core`, unit: "1/s" },
    { name: `${name}: p50 ÷ p50 by hand`, unit: "×" },
    { name: `${name}: p99 ÷ p99 by hand`, unit: "×" },
    { name: `${name}: requests/s per core ÷ by hand`, unit: "×" },
  ]),
  run: async (record, runs) => {
    const envoys = await bareEnvoys(
      bare,
      `server.${bare}`,
      kinds.map((kind) => kind.bare),
    );
    const mesh = await startMesh([
      namespace(meshed, true),
      deployment(meshed, "server", [server]),
      deployment(meshed, "client", [idle]),
      ...kinds.flatMap(({ http }, index) => [
        service(meshed, `server-${index}`, "server"),
        virtualService(`server-${index}`, http),
      ]),
      namespace(bare, false),
      deployment(bare, "server", [server, envoys.server]),
      deployment(bare, "client", [idle, envoys.client]),
      service(bare, "server", "server", { headless: true }),
    ]);
    const direct: Way = {
      namespace: bare,
      url: `http://server:${serverPort}/`,
      headers,
      container: undefined,
    };
    const ways = kinds.map(({ name, bare: { port } }, index) => ({
      name,
      byHand: { namespace: bare, url: `http://127.0.0.1:${port}/`, headers, container: "envoy" },
      sidecars: { namespace: meshed, url: `http://server-${index}/`, headers, container: "heddle-proxy" },
    }));
    try {
      // The first requests may fail: a bare Envoy learns a second late that its server's name has an address.
      for (const way of ways.flatMap(({ byHand, sidecars }) => [byHand, sidecars])) {
        await send(mesh, way, warmUpSeconds);
      }
      for (let run = 0; run < runs; run++) {
        const without = await measureWay(mesh, direct, roundSeconds);
        for (const { name, byHand, sidecars } of ways) {
          const hand = await measureWay(mesh, byHand, roundSeconds);
          const mine = await measureWay(mesh, sidecars, roundSeconds);
          record(`${name}: added p50`, mine.p50Ms - without.p50Ms);
          record(`${name}: added p99`, mine.p99Ms - without.p99Ms);
          record(`${name}: requests/s per core`, 1000 / mine.cpuPerThousand);
          record(`${name}: p50 ÷ p50 by hand`, mine.p50Ms / hand.p50Ms);
          record(`${name}: p99 ÷ p99 by hand`, mine.p99Ms / hand.p99Ms);
          record(`${name}: requests/s per core ÷ by hand`, hand.cpuPerThousand / mine.cpuPerThousand);
        }
      }
    } finally {
      await mesh.close();
    }
  },
};

function virtualService(host: string, http: object): KubernetesObject & { readonly spec: object } {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: host, namespace: meshed },
    spec: { hosts: [host], http: [{ ...http, route: [{ destination: { host } }] }] },
  };
}
