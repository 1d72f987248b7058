// A view in a YAML file → the Envoy message that it becomes.
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@heddle/envoy-api/envoy/config/route/v3/route";
import { VirtualHostSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { SecretSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import type {
  EgressListenerView,
  GatewayListenerView,
  HealthListenerView,
  InboundView,
  IngressListenerView,
  OutboundListenerView,
  OutsideRoutesView,
} from "#compile/listener-views.ts";
import type { ClusterView, EndpointsView, VirtualHostView, WeightedEndpointsView } from "#compile/views.ts";
import { inboundCluster, outboundCluster, passthrough, relayedCluster } from "#envoy/clusters/clusters.ts";
import { loadAssignment, weightedLoadAssignment } from "#envoy/clusters/endpoints.ts";
import { egressListener } from "#envoy/listeners/egress.ts";
import { gatewayListener } from "#envoy/listeners/gateway.ts";
import { healthListener, probeClusters } from "#envoy/listeners/health.ts";
import { inboundListener, ingressListener } from "#envoy/listeners/inbound.ts";
import { outboundListener } from "#envoy/listeners/outbound.ts";
import { fileSecret, type parseFileSecret, rootFileSecret } from "#envoy/names.ts";
import { relayingCluster, relayListener, relayOf } from "#envoy/relays.ts";
import { inboundRoutes } from "#envoy/routes/inbound-routes.ts";
import { egressRoutes, gatewayRoutes, outboundRoutes, virtualHost } from "#envoy/routes/routes.ts";
import { tlsCertificateFiles, trustedRootFile } from "#envoy/tls/secrets.ts";
import { isOpaque } from "#model/service.ts";

/** What a golden input holds: one view, and which it is. */
export type ViewFixture =
  | { readonly kind: "outbound"; readonly view: OutboundListenerView }
  | { readonly kind: "outside"; readonly view: OutsideRoutesView }
  | { readonly kind: "inbound"; readonly view: InboundView }
  | { readonly kind: "ingress"; readonly view: IngressListenerView }
  | { readonly kind: "files"; readonly view: readonly SecretFiles[] }
  | { readonly kind: "health"; readonly view: HealthListenerView }
  | { readonly kind: "gateway"; readonly view: GatewayListenerView }
  | { readonly kind: "egress"; readonly view: EgressListenerView }
  | { readonly kind: "virtualHost"; readonly view: VirtualHostView }
  | { readonly kind: "cluster"; readonly view: ClusterView }
  | { readonly kind: "endpoints"; readonly view: EndpointsView }
  | { readonly kind: "weightedEndpoints"; readonly view: WeightedEndpointsView };

/** A message with the schema that prints it. */
export interface NamedMessage {
  readonly schema: DescMessage;
  readonly message: Message;
}

type SecretFiles = NonNullable<ReturnType<typeof parseFileSecret>>;

function fileSecretMessage(files: SecretFiles): Message {
  return files.part === "certificate"
    ? tlsCertificateFiles(fileSecret(files), files.chain, files.key)
    : trustedRootFile(rootFileSecret(files.path, files.revoked), files.path, files.revoked);
}

const trustDomain = "cluster.local";

/** Every message that a view becomes. */
export function messagesOf(fixture: ViewFixture): readonly NamedMessage[] {
  switch (fixture.kind) {
    case "outbound":
      return [
        { schema: ListenerSchema, message: outboundListener(fixture.view) },
        { schema: ClusterSchema, message: passthrough() },
      ];
    case "outside":
      return [{ schema: RouteConfigurationSchema, message: outboundRoutes(fixture.view) }];
    case "inbound":
      return [
        { schema: ListenerSchema, message: inboundListener(fixture.view, trustDomain) },
        ...fixture.view.ports.flatMap(({ port, protocol, limits }) =>
          isOpaque(protocol)
            ? []
            : [
                {
                  schema: RouteConfigurationSchema,
                  message: create(RouteConfigurationSchema, inboundRoutes({ port, ...limits })),
                },
              ],
        ),
        ...fixture.view.ports.map((port) => ({
          schema: ClusterSchema,
          message: inboundCluster(port),
        })),
      ];
    case "ingress":
      return [{ schema: ListenerSchema, message: ingressListener(fixture.view, trustDomain) }];
    case "files":
      return fixture.view.map((files) => ({ schema: SecretSchema, message: fileSecretMessage(files) }));
    case "health":
      return [
        { schema: ListenerSchema, message: healthListener(fixture.view.probes) },
        ...probeClusters(fixture.view).map((message) => ({ schema: ClusterSchema, message })),
      ];
    case "gateway":
      return [
        { schema: ListenerSchema, message: gatewayListener(fixture.view) },
        ...(fixture.view.kind === "http"
          ? [{ schema: RouteConfigurationSchema, message: gatewayRoutes(fixture.view) }]
          : []),
      ];
    case "egress":
      return [
        { schema: ListenerSchema, message: egressListener(fixture.view) },
        ...(fixture.view.kind === "http"
          ? [{ schema: RouteConfigurationSchema, message: egressRoutes(fixture.view) }]
          : []),
      ];
    case "virtualHost":
      return [{ schema: VirtualHostSchema, message: virtualHost(fixture.view) }];
    case "cluster":
      return clusterMessages(fixture.view);
    case "endpoints":
      return [{ schema: ClusterLoadAssignmentSchema, message: loadAssignment(fixture.view) }];
    case "weightedEndpoints":
      return [{ schema: ClusterLoadAssignmentSchema, message: weightedLoadAssignment(fixture.view) }];
  }
}

function clusterMessages(view: ClusterView): readonly NamedMessage[] {
  const relay = relayOf(view);
  if (relay === undefined) return [{ schema: ClusterSchema, message: outboundCluster(view, trustDomain) }];
  return [
    { schema: ClusterSchema, message: relayingCluster(view, relay) },
    { schema: ListenerSchema, message: relayListener(relay) },
    { schema: ClusterSchema, message: relayedCluster(view, trustDomain) },
  ];
}
