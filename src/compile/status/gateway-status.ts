import type { Gateway } from "#model/gateway-api/gateway.ts";
import { gatewayApiGroup } from "#model/gateway-api/references.ts";
import type { GatewayStatus, ListenerStatus } from "#model/gateway-api/status.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { type Listener, type ListenerFault, listenerFault, routeKindsOf } from "../routing/listeners.ts";
import { type ConditionContext, conditionsOf, fails, holds, type Verdict } from "./conditions.ts";
import { type Facts, programmed } from "./facts.ts";

export type GatewayAddress = NonNullable<GatewayStatus["addresses"]>[number];

/** What a Gateway's status is made of besides the Gateway. */
export interface GatewayFacts extends Facts {
  /** What runs it: its pods and the Services before them. */
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  /** Where it is reached if the Services say nothing. */
  readonly addresses: readonly GatewayAddress[];
  /** How many routes a listener serves. */
  readonly routesOf: (listener: Listener) => number;
}

/** The status of a Gateway of our class. */
export function gatewayStatus(
  gateway: Gateway,
  facts: GatewayFacts,
  context: ConditionContext,
): GatewayStatus {
  const { listeners } = gateway.spec;
  const ofServices = addressesOf(facts.services);
  const addresses = ofServices.length > 0 ? ofServices : facts.addresses;
  const faults = listeners.map((listener) => listenerFault(gateway, listener));
  const acceptance = acceptedListeners(faults);
  const running = runs(facts, addresses.length > 0, acceptance);
  return {
    addresses,
    conditions: conditionsOf([acceptance, running], gateway.status?.conditions, context),
    listeners: listeners.map((listener, index) =>
      listenerStatus(
        gateway,
        listener,
        { fault: faults[index], running, routes: facts.routesOf(listener) },
        context,
      ),
    ),
  };
}

function acceptedListeners(faults: readonly (ListenerFault | undefined)[]): Verdict {
  const wrong = faults.filter((fault) => fault !== undefined);
  if (wrong.length === 0) return holds("Accepted", "Accepted", "all listeners are valid");
  const message = wrong.map((fault) => fault.message).join("; ");
  return wrong.length < faults.length
    ? holds("Accepted", "ListenersNotValid", message)
    : fails("Accepted", "ListenersNotValid", message);
}

function runs(facts: GatewayFacts, hasAddress: boolean, acceptance: Verdict): Verdict {
  if (acceptance.status === "False") return fails("Programmed", "Invalid", "no listener is valid");
  const isReady = facts.pods.some(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
  );
  if (!isReady) return fails("Programmed", "Pending", "no pod of the Gateway is ready yet");
  if (!hasAddress)
    return fails("Programmed", "AddressNotAssigned", "the Service of the Gateway has no address");
  return programmed(facts, acceptance);
}

/** Those that the cloud has given, else those inside the cluster. */
function addressesOf(services: readonly Service[]): readonly GatewayAddress[] {
  const given = services.flatMap(({ status }) => status?.loadBalancer?.ingress ?? []);
  const outside = given.flatMap(({ ip, hostname }) => [
    ...(ip === undefined ? [] : [{ type: "IPAddress", value: ip }]),
    ...(hostname === undefined ? [] : [{ type: "Hostname", value: hostname }]),
  ]);
  if (outside.length > 0) return outside;
  return services.flatMap(({ spec: { clusterIP } }) =>
    clusterIP === undefined || clusterIP === "" || clusterIP === "None"
      ? []
      : [{ type: "IPAddress", value: clusterIP }],
  );
}

function listenerStatus(
  gateway: Gateway,
  listener: Listener,
  found: { readonly fault: ListenerFault | undefined; readonly running: Verdict; readonly routes: number },
  context: ConditionContext,
): ListenerStatus {
  const present = gateway.status?.listeners?.find(({ name }) => name === listener.name);
  const asked = listener.allowedRoutes?.kinds ?? [];
  const supportedKinds = routeKindsOf(listener).map((kind) => ({ group: gatewayApiGroup, kind }));
  const kinds =
    asked.length === 0
      ? supportedKinds
      : supportedKinds.filter(({ kind }) =>
          asked.some((other) => other.kind === kind && isOfGatewayApi(other)),
        );
  const isKnown = (other: (typeof asked)[number]) =>
    isOfGatewayApi(other) && supportedKinds.some(({ kind }) => kind === other.kind);
  const unknown = asked.filter((other) => !isKnown(other)).map(({ kind }) => kind);
  return {
    name: listener.name,
    supportedKinds: kinds,
    attachedRoutes: found.routes,
    conditions: conditionsOf(
      listenerVerdicts(found.fault, unknown, found.running),
      present?.conditions,
      context,
    ),
  };
}

function isOfGatewayApi({ group }: { readonly group?: string }): boolean {
  return (group ?? gatewayApiGroup) === gatewayApiGroup;
}

function listenerVerdicts(
  fault: ListenerFault | undefined,
  unknownKinds: readonly string[],
  running: Verdict,
): readonly Verdict[] {
  return [
    fault === undefined
      ? holds("Accepted", "Accepted", "the listener is valid")
      : fails("Accepted", fault.reason, fault.message),
    fault?.reason === "HostnameConflict" || fault?.reason === "ProtocolConflict"
      ? holds("Conflicted", fault.reason, fault.message)
      : fails("Conflicted", "NoConflicts", "no other listener is like it"),
    unknownKinds.length === 0
      ? holds("ResolvedRefs", "ResolvedRefs", "all references are resolved")
      : fails("ResolvedRefs", "InvalidRouteKinds", `no routes of kind ${unknownKinds.join(", ")} are served`),
    fault === undefined ? running : fails("Programmed", "Invalid", fault.message),
  ];
}
