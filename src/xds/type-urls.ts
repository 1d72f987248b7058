// The resource types that Heddle serves, as they stand in requests and responses of the xDS protocol.

const prefix = "type.googleapis.com/";

export const listenerType = `${prefix}envoy.config.listener.v3.Listener`;
export const clusterType = `${prefix}envoy.config.cluster.v3.Cluster`;
export const endpointsType = `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`;
export const routeConfigurationType = `${prefix}envoy.config.route.v3.RouteConfiguration`;
export const virtualHostType = `${prefix}envoy.config.route.v3.VirtualHost`;
export const secretType = `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`;
const extensionConfigType = `${prefix}envoy.config.core.v3.TypedExtensionConfig`;

/**
 * The order in which the types of one flush go out: what is referred to before what refers to it.
 * https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#eventual-consistency-considerations
 */
export const typesInOrder: readonly string[] = [
  clusterType,
  endpointsType,
  secretType,
  extensionConfigType,
  listenerType,
  routeConfigurationType,
  virtualHostType,
];

/** Types of which a subscription without names means "what I should have". */
export const wildcardTypes: ReadonlySet<string> = new Set([clusterType, listenerType]);
/** Types of which clients ask for single names on demand, and are told when one of them goes. */
export const onDemandTypes: ReadonlySet<string> = new Set([clusterType, virtualHostType]);
