// Resources of many proxies, given to one Envoy to see whether it takes them.
import { create, fromBinary } from "@bufbuild/protobuf";
import { Cluster_DiscoveryType, ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route";
import { VirtualHostSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { RouterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/router/v3/router";
import { HttpConnectionManagerSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { SecretSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import { type AdsResource, ads, startAds } from "#test/helpers/ads.ts";
import { createAuthority } from "#test/helpers/certificates.ts";
import { adsBootstrap, extension } from "#test/helpers/config.ts";
import { startEnvoy } from "#test/helpers/envoy.ts";
import type { Served } from "#test/helpers/served.ts";

/** An Envoy that is given resources. */
export interface Taker extends AsyncDisposable {
  /** What it says against some resources; undefined where it takes them all. They are taken away again. */
  refusal(resources: readonly Served[]): Promise<string | undefined>;
}

/** As in the bootstrap of sidecars. */
const more = {
  bootstrap_extensions: [
    {
      name: "envoy.bootstrap.internal_listener",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
      },
    },
  ],
  layered_runtime: {
    layers: [{ name: "fixed", static_layer: { "re2.max_program_size.error_level": 32_768 } }],
  },
};

/** Starts it. What its resources refer to is there as soon as it asks. */
export async function startTaker(): Promise<Taker> {
  const secretOf = await secrets();
  const server = await startAds((type, name) => {
    if (type === "endpoints") return [ads(type, ClusterLoadAssignmentSchema, { clusterName: name })];
    return type === "secret" ? [secretOf(name)] : undefined;
  });
  const envoy = await startEnvoy(adsBootstrap(server.path, more), { logLevel: "off" });
  const isAsked = (type: string) =>
    server.event((event) => event.kind === "subscribe" && event.type === type, `a subscription to ${type}`);
  await isAsked("cluster");
  // It asks for listeners when it knows its clusters.
  server.send([], [{ type: "cluster", name: "none" }]);
  await isAsked("listener");
  const answer = async (...sent: Parameters<typeof server.send>): Promise<string | undefined> => {
    const [nonce] = server.send(...sent);
    const event = await server.event((each) => "nonce" in each && each.nonce === nonce, "Envoy's answer");
    return event.kind === "nack" ? event.message : undefined;
  };
  let count = 0;
  const taken = async (resources: readonly AdsResource[]): Promise<string | undefined> => {
    if (resources.length === 0) return undefined;
    const refused = await answer(resources);
    await answer(
      [],
      resources.map(({ type, resource }) => ({ type, name: resource.name })),
    );
    return refused;
  };
  return {
    refusal: async (resources) => {
      const own = resources.flatMap((resource) => ownResource(resource, ++count) ?? []);
      const ofType = (type: string) => own.filter((each) => each.type === type);
      return (await taken(ofType("listener"))) ?? (await taken(ofType("cluster")));
    },
    [Symbol.asyncDispose]: async () => {
      await envoy.stop();
      await server.dispose();
    },
  };
}

async function secrets(): Promise<(name: string) => AdsResource> {
  const authority = await createAuthority();
  const { chain, key } = await authority.issue({ dns: ["client"] });
  const pem = (text: string) => ({ specifier: { case: "inlineString" as const, value: text } });
  return (name) =>
    ads("secret", SecretSchema, {
      name,
      type: /root|cacert/i.test(name)
        ? { case: "validationContext", value: { trustedCa: pem(authority.root) } }
        : { case: "tlsCertificate", value: { certificateChain: pem(chain), privateKey: pem(key) } },
    });
}

/** Names and places of different proxies are the same: here each has its own. */
function ownResource({ typeUrl, message }: Served, index: number): AdsResource | undefined {
  const name = `resource ${index}`;
  switch (typeUrl.slice(typeUrl.lastIndexOf(".") + 1)) {
    case "Listener":
      return ads("listener", ListenerSchema, elsewhere(fromBinary(ListenerSchema, message), name, index));
    case "RouteConfiguration":
      return routeListener(fromBinary(RouteConfigurationSchema, message), name, index);
    case "VirtualHost": {
      const virtualHosts = [fromBinary(VirtualHostSchema, message)];
      return routeListener(create(RouteConfigurationSchema, { name, virtualHosts }), name, index);
    }
    case "Cluster": {
      const cluster = fromBinary(ClusterSchema, message);
      cluster.name = name;
      if (cluster.edsClusterConfig !== undefined) cluster.edsClusterConfig.serviceName = name;
      return ads("cluster", ClusterSchema, cluster);
    }
    case "ClusterLoadAssignment": {
      const loadAssignment = fromBinary(ClusterLoadAssignmentSchema, message);
      const type = { case: "type", value: Cluster_DiscoveryType.STATIC } as const;
      return ads("cluster", ClusterSchema, { name, clusterDiscoveryType: type, loadAssignment });
    }
    default:
      return undefined;
  }
}

/** Where nobody listens. What cannot be a place stays. */
function elsewhere(listener: Listener, name: string, index: number): Listener {
  listener.name = name;
  if (listener.listenerSpecifier.case === undefined) listener.bindToPort = false;
  const place = listener.address?.address;
  if (place?.case === "pipe" && /^.[^\0]{1,80}[^\0/]$/.test(place.value.path)) place.value.path += index;
  if (place?.case === "socketAddress") {
    const { portSpecifier } = place.value;
    if (portSpecifier.case === "portValue" && portSpecifier.value > 0 && portSpecifier.value < 65_536)
      portSpecifier.value = index;
  }
  return listener;
}

function routeListener(configuration: RouteConfiguration, name: string, index: number): AdsResource {
  configuration.validateClusters = false;
  configuration.maxDirectResponseBodySizeBytes = 1_048_576;
  const manager = extension("http", HttpConnectionManagerSchema, {
    statPrefix: "routes",
    routeSpecifier: { case: "routeConfig", value: configuration },
    httpFilters: [extension("router", RouterSchema, {})],
  });
  const portSpecifier = { case: "portValue", value: index } as const;
  return ads("listener", ListenerSchema, {
    name,
    bindToPort: false,
    address: { address: { case: "socketAddress", value: { address: "127.0.0.1", portSpecifier } } },
    filterChains: [{ filters: [manager] }],
  });
}
