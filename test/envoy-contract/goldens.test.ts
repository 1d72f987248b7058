// Every expected Envoy message of src/envoy/testdata is accepted by the real Envoy.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@bufbuild/protobuf";
import * as yaml from "js-yaml";
import { balancerPath } from "#model/balancer.ts";
import { createAuthority } from "#test/helpers/certificates.ts";
import { envoyBinary } from "#test/helpers/envoy.ts";
import { toEnvoyJson } from "#test/helpers/envoy-json.ts";
import { messagesOf, type ViewFixture } from "#test/helpers/envoy-views.ts";
import { goldenCases } from "#test/helpers/golden.ts";
import { balancerLibrary } from "./latency-aware.ts";

const testdata = fileURLToPath(new URL("../../src/envoy/testdata", import.meta.url));

const xdsCluster = {
  name: "xds",
  type: "STATIC",
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

const library = await balancerLibrary();

// Envoy reads the files that a policy names.
const files = mkdtempSync(join(tmpdir(), "heddle-golden-files-"));
before(async () => {
  const authority = await createAuthority();
  const { chain, key } = await authority.issue({ dns: ["client"] });
  const pem = { "roots.pem": authority.root, "chain.pem": chain, "key.pem": key };
  for (const [name, text] of Object.entries(pem)) writeFileSync(join(files, name), text);
  writeFileSync(join(files, "revoked.pem"), await authority.revokedNone());
});
after(() => rmSync(files, { recursive: true }));

function withFiles(bootstrap: object): string {
  return JSON.stringify(bootstrap).replaceAll('"/files/', `"${files}/`).replaceAll(balancerPath, library);
}

suite("the real Envoy accepts", () => {
  for (const golden of goldenCases(testdata)) {
    test(golden.name.replaceAll("-", " "), () => {
      const messages = messagesOf(yaml.load(golden.text) as ViewFixture);
      const ofType = (type: string) =>
        messages
          .filter(({ schema }) => schema.typeName === type)
          .map(({ schema, message }) => toEnvoyJson(schema, message) as JsonObject);
      const virtualHosts = ofType("envoy.config.route.v3.VirtualHost");
      const routeConfigurations = [
        ...ofType("envoy.config.route.v3.RouteConfiguration"),
        ...(virtualHosts.length === 0 ? [] : [{ name: "test", virtual_hosts: virtualHosts }]),
      ];
      const bootstrap = {
        node: { id: "test", cluster: "test" },
        bootstrap_extensions: [
          {
            name: "envoy.bootstrap.internal_listener",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
            },
          },
        ],
        dynamic_resources: {
          ads_config: {
            api_type: "DELTA_GRPC",
            transport_api_version: "V3",
            grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
          },
        },
        static_resources: {
          secrets: ofType("envoy.extensions.transport_sockets.tls.v3.Secret"),
          clusters: [xdsCluster, ...ofType("envoy.config.cluster.v3.Cluster")],
          listeners: [
            ...ofType("envoy.config.listener.v3.Listener"),
            ...routeConfigurations.map((routes, index) => routeListener(routes, index)),
          ],
        },
      };
      const result = spawnSync(
        envoyBinary(),
        ["--mode", "validate", "--config-yaml", withFiles(bootstrap), "--log-level", "error"],
        { encoding: "utf8" },
      );
      // Not the exit status: with routes by ADS this Envoy may crash while it exits, after it has said that all is well.
      assert.match(result.stdout, /configuration '' OK/, result.stderr);
    });
  }
});

/** Static route configurations may not name clusters that are not there: these are not checked here. */
function routeListener(routes: JsonObject, index: number): JsonObject {
  return {
    name: `routes ${index}`,
    address: { socket_address: { address: "127.0.0.1", port_value: 20_000 + index } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type":
                "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              stat_prefix: "routes",
              route_config: { ...routes, validate_clusters: false },
              http_filters: [
                {
                  name: "envoy.filters.http.router",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}
