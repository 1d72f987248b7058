// Short ways to write Envoy messages in tests.
import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { ApiVersion } from "@heddle/envoy-api/envoy/config/core/v3/config_source";

/** What `create` takes, without the finished message: can be spread. */
export type Init<D extends DescMessage> = Exclude<MessageInitShape<D>, Message>;

/** Packs a message into an Any. */
export function any<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Any {
  return anyPack(schema, create(schema, init));
}

/** An extension: its name and its packed configuration. */
export function extension<D extends DescMessage>(name: string, schema: D, init: MessageInitShape<D>) {
  return { name, configType: { case: "typedConfig" as const, value: any(schema, init) } };
}

/** The same for the fields of type TypedExtensionConfig, which lacks the oneof. */
export function typedExtension<D extends DescMessage>(name: string, schema: D, init: MessageInitShape<D>) {
  return { name, typedConfig: any(schema, init) };
}

/** A TCP address. */
export function socketAddress(address: string, port: number) {
  return {
    address: {
      case: "socketAddress" as const,
      value: { address, portSpecifier: { case: "portValue" as const, value: port } },
    },
  };
}

/** Configuration from the ADS stream, waited for as long as it takes unless `initialFetchTimeout` is given. */
export const adsSource = {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: "ads" as const, value: {} },
  initialFetchTimeout: { seconds: 0n, nanos: 0 },
};

/** A duration. */
export function milliseconds(count: number) {
  return { seconds: BigInt(Math.floor(count / 1000)), nanos: (count % 1000) * 1_000_000 };
}

/** A bootstrap in JSON whose ADS server listens on a Unix socket. */
export function adsBootstrap(adsPath: string, more: object = {}): object {
  const source = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };
  return {
    node: { id: "pod.default", cluster: "default" },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: "xds",
              retry_policy: { retry_back_off: { base_interval: "0.1s", max_interval: "0.5s" } },
            },
          },
        ],
      },
      lds_config: source,
      cds_config: source,
    },
    static_resources: { clusters: [xdsCluster({ pipe: { path: adsPath } })] },
    ...more,
  };
}

/** The bootstrap's cluster `xds`, HTTP/2 to one address. */
export function xdsCluster(
  address: object,
  options: { filters?: readonly object[]; more?: object } = {},
): object {
  return {
    name: "xds",
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
        ...(options.filters === undefined ? {} : { http_filters: options.filters }),
      },
    },
    load_assignment: { cluster_name: "xds", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...options.more,
  };
}
