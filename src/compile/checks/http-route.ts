import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type {
  HttpBackendReference,
  HttpRoute,
  HttpRouteMatch,
  ParentReference,
} from "#model/gateway-api/http-route.ts";
import { checkServicePort } from "./backend.ts";
import { checkExpression } from "./expression.ts";
import { type CheckFinding, error, listed, unresolved, warning } from "./finding.ts";
import type { CheckInputs } from "./inputs.ts";

/** Parents and backends of an HTTPRoute. */
export function checkHttpRoute(route: HttpRoute, inputs: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  const namespace = route.metadata.namespace ?? "default";
  const parents = route.spec.parentRefs ?? [];
  const rules = route.spec.rules ?? [];
  return [
    ...(parents.length === 0
      ? [warning("spec.parentRefs", "is attached to nothing and has no effect; name a Service or a Gateway")]
      : []),
    ...parents.flatMap((parent, index) =>
      checkParent(parent, namespace, `spec.parentRefs[${index}]`, inputs, fetch),
    ),
    ...rules.flatMap((rule, index) => {
      const field = `spec.rules[${index}].backendRefs`;
      const backends = rule.backendRefs ?? [];
      return [
        ...(rule.matches ?? []).flatMap((match, at) =>
          checkMatch(match, `spec.rules[${index}].matches[${at}]`),
        ),
        ...backends.flatMap((backend, at) =>
          checkBackend(backend, namespace, `${field}[${at}]`, inputs, fetch),
        ),
        ...(backends.length > 0 && backends.every((backend) => backend.weight === 0)
          ? [warning(field, "all weights are 0, so every request is answered with 500; give one a weight")]
          : []),
      ];
    }),
  ];
}

function checkMatch({ path, headers, queryParams }: HttpRouteMatch, field: string): readonly CheckFinding[] {
  const values = [
    { match: path, field: `${field}.path.value` },
    ...(headers ?? []).map((match, index) => ({ match, field: `${field}.headers[${index}].value` })),
    ...(queryParams ?? []).map((match, index) => ({ match, field: `${field}.queryParams[${index}].value` })),
  ];
  const relative = path?.type !== "RegularExpression" && path?.value?.startsWith("/") === false;
  return [
    ...(relative ? [error(`${field}.path.value`, `${path.value} must begin with /`)] : []),
    ...values.flatMap(({ match, field: at }) =>
      match?.type === "RegularExpression" && match.value !== undefined
        ? checkExpression(match.value, at)
        : [],
    ),
  ];
}

function checkParent(
  parent: ParentReference,
  routeNamespace: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const key = `${parent.namespace ?? routeNamespace}/${parent.name}`;
  if (parent.kind === "Service") {
    const service = fetch.get(inputs.objects.services, key);
    if (service !== undefined && (parent.group ?? "") !== "") {
      const message = 'the group of a Service is ""; without it this names another API and has no effect';
      return [unresolved(`${field}.group`, message)];
    }
    return checkServicePort(service, key, `${field}.name`, { number: parent.port, field: `${field}.port` });
  }
  if ((parent.kind ?? "Gateway") !== "Gateway") return [];
  const gateway = fetch.get(inputs.objects.gateways, key);
  if (gateway === undefined) {
    const service = fetch.get(inputs.objects.services, key);
    const hint =
      service === undefined
        ? "define it or correct the name"
        : 'for the Service, add kind: Service and group: ""';
    return [unresolved(`${field}.name`, `there is no Gateway ${key}; ${hint}`)];
  }
  return checkListener(parent, gateway, key, routeNamespace, field);
}

function checkListener(
  parent: ParentReference,
  gateway: Gateway,
  key: string,
  routeNamespace: string,
  field: string,
): readonly CheckFinding[] {
  const { listeners } = gateway.spec;
  if (parent.sectionName !== undefined && !listeners.some(({ name }) => name === parent.sectionName)) {
    const names = listed(
      listeners.map(({ name }) => name),
      "none",
    );
    return [
      unresolved(
        `${field}.sectionName`,
        `Gateway ${key} has no listener ${parent.sectionName}; its listeners are ${names}`,
      ),
    ];
  }
  if (parent.port !== undefined && !listeners.some(({ port }) => port === parent.port)) {
    const ports = listed(
      listeners.map(({ port }) => port),
      "none",
    );
    return [
      unresolved(
        `${field}.port`,
        `Gateway ${key} has no listener on port ${parent.port}; its ports are ${ports}`,
      ),
    ];
  }
  const open =
    routeNamespace === gateway.metadata.namespace ||
    listeners.some(({ allowedRoutes }) => allowedRoutes?.namespaces?.from === "All");
  if (open) return [];
  return [
    unresolved(
      field,
      `Gateway ${key} takes no routes of namespace ${routeNamespace}; set allowedRoutes.namespaces.from of its listener to All`,
    ),
  ];
}

function checkBackend(
  backend: HttpBackendReference,
  routeNamespace: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  if ((backend.kind ?? "Service") !== "Service" || (backend.group ?? "") !== "") return [];
  const key = `${backend.namespace ?? routeNamespace}/${backend.name}`;
  const service = fetch.get(inputs.objects.services, key);
  const port = { number: backend.port, field: `${field}.port` };
  if (service !== undefined && backend.port === undefined) {
    const ports = listed(
      (service.spec.ports ?? []).map((candidate) => candidate.port),
      "none",
    );
    return [error(port.field, `port is missing; the ports of Service ${key} are ${ports}`)];
  }
  return checkServicePort(service, key, `${field}.name`, port);
}
