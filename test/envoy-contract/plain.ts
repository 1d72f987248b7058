// A plain HTTP listener in front of one application, for what does not need interception.
import { Cluster_DiscoveryType, ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { RouteSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { RouterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/router/v3/router";
import { HttpConnectionManagerSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { type AdsResource, type AdsServer, ads, type Resolve, startAds } from "#test/helpers/ads.ts";
import { adsBootstrap, extension, type Init, milliseconds, socketAddress } from "#test/helpers/config.ts";
import { type Envoy, startEnvoy } from "#test/helpers/envoy.ts";
import { createNamespace, type Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { accessLog, sameProtocol } from "./outbound.ts";

type Extension = ReturnType<typeof extension>;

/** A connection manager that sends all to the cluster `app`. */
export function plainManager(
  more: Init<typeof HttpConnectionManagerSchema> = {},
  route: Init<typeof RouteSchema> = {},
): Extension {
  return extension("envoy.filters.network.http_connection_manager", HttpConnectionManagerSchema, {
    statPrefix: "plain",
    accessLog: [accessLog],
    routeSpecifier: {
      case: "routeConfig",
      value: {
        virtualHosts: [
          {
            name: "all",
            domains: ["*"],
            routes: [
              {
                match: { pathSpecifier: { case: "prefix", value: "/" } },
                action: {
                  case: "route",
                  value: { clusterSpecifier: { case: "cluster", value: "app" }, timeout: milliseconds(0) },
                },
                ...route,
              },
            ],
          },
        ],
      },
    },
    httpFilters: [routerFilter],
    ...more,
  });
}

/** The last HTTP filter. */
export const routerFilter = extension("envoy.filters.http.router", RouterSchema, {});

/** A cluster of fixed `address:port` endpoints. */
export function fixedCluster(
  name: string,
  addresses: readonly string[],
  more: Init<typeof ClusterSchema> = {},
): AdsResource {
  return ads("cluster", ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    connectTimeout: milliseconds(1_000),
    typedExtensionProtocolOptions: sameProtocol,
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: addresses.map((address) => {
            const [host = "", port] = address.split(":");
            return {
              hostIdentifier: {
                case: "endpoint" as const,
                value: { address: socketAddress(host, Number(port)) },
              },
            };
          }),
        },
      ],
    },
    ...more,
  });
}

/** Envoy and its ADS server in a namespace of their own. */
export interface Plain {
  readonly namespace: Namespace;
  readonly ads: AdsServer;
  readonly envoy: Envoy;
}

/** Starts them and waits for `listener`; all ends with `stack`. */
export async function startPlain(
  stack: AsyncDisposableStack,
  resolve: Resolve,
  listener: string,
  args: readonly string[] = [],
): Promise<Plain> {
  const namespace = stack.adopt(await createNamespace(), (made) => made.close());
  const server = stack.adopt(await startAds(resolve), (made) => made.dispose());
  const envoy = stack.adopt(await startEnvoy(adsBootstrap(server.path), { namespace, args }), (made) =>
    made.stop(),
  );
  await until(async () => {
    const [nack] = server.nacks();
    if (nack !== undefined) throw new Error(nack);
    return envoy.isListening(listener);
  }, `the listener ${listener}`);
  return { namespace, ads: server, envoy };
}
