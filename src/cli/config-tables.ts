// Envoy's configuration dump, sorted into parts, and the parts as tables. Pure.
// https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/admin/v3/config_dump.proto

/** A message of Envoy as JSON; only what the tables show is looked at. */
export interface Message {
  readonly [field: string]: unknown;
}

export interface ConfigParts {
  readonly listeners: readonly Message[];
  readonly routes: readonly Message[];
  readonly clusters: readonly Message[];
  readonly endpoints: readonly Message[];
  readonly secrets: readonly Message[];
  readonly bootstrap: Message;
}

interface Table {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Sorts a dump into its parts: the resources themselves, static and dynamic, by name. */
export function partsOf(dump: unknown): ConfigParts {
  const sections = list(message(dump)["configs"]);
  const section = (name: string): Message =>
    sections.find((entry) => String(entry["@type"]).endsWith(`.${name}`)) ?? {};
  const listeners = section("ListenersConfigDump");
  const clusters = section("ClustersConfigDump");
  const routes = section("RoutesConfigDump");
  const endpoints = section("EndpointsConfigDump");
  const secrets = section("SecretsConfigDump");
  return {
    listeners: byName([
      ...inside(listeners["static_listeners"], "listener"),
      ...list(listeners["dynamic_listeners"]).map((entry) =>
        message(message(entry["active_state"])["listener"]),
      ),
    ]),
    clusters: byName([
      ...inside(clusters["static_clusters"], "cluster"),
      ...inside(clusters["dynamic_active_clusters"], "cluster"),
      ...inside(clusters["dynamic_warming_clusters"], "cluster"),
    ]),
    routes: byName([
      ...inside(routes["static_route_configs"], "route_config"),
      ...inside(routes["dynamic_route_configs"], "route_config"),
    ]),
    endpoints: byName([
      ...inside(endpoints["static_endpoint_configs"], "endpoint_config"),
      ...inside(endpoints["dynamic_endpoint_configs"], "endpoint_config"),
    ]),
    secrets: byName([
      ...list(secrets["static_secrets"]),
      ...list(secrets["dynamic_active_secrets"]),
      ...list(secrets["dynamic_warming_secrets"]),
    ]),
    bootstrap: message(section("BootstrapConfigDump")["bootstrap"]),
  };
}

/** One part as a table. */
export function tableOf(part: keyof ConfigParts, parts: ConfigParts): Table {
  return TABLES[part](parts);
}

const TABLES: Readonly<Record<keyof ConfigParts, (parts: ConfigParts) => Table>> = {
  listeners: ({ listeners }) => ({
    headers: ["NAME", "ADDRESS", "FILTER CHAINS"],
    rows: listeners.map((listener) => [
      nameOf(listener),
      socketAddress(listener["address"]),
      String(list(listener["filter_chains"]).length),
    ]),
  }),
  routes: ({ routes }) => ({
    headers: ["ROUTE CONFIGURATION", "VIRTUAL HOST", "DOMAINS", "ROUTES"],
    rows: routes.flatMap(routeRows),
  }),
  clusters: ({ clusters }) => ({
    headers: ["NAME", "TYPE", "TLS"],
    rows: clusters.map((cluster) => [nameOf(cluster), clusterType(cluster), encryption(cluster)]),
  }),
  endpoints: ({ endpoints }) => ({
    headers: ["CLUSTER", "ENDPOINT", "HEALTH", "PRIORITY", "WEIGHT"],
    rows: endpoints.flatMap(endpointRows),
  }),
  secrets: ({ secrets }) => ({
    headers: ["NAME", "TYPE", "VERSION", "UPDATED"],
    rows: secrets.map((secret) => [
      nameOf(secret),
      secretType(message(secret["secret"])),
      text(secret["version_info"]),
      text(secret["last_updated"]),
    ]),
  }),
  bootstrap: ({ bootstrap }) => ({
    headers: ["FIELD"],
    rows: Object.keys(bootstrap).map((field) => [field]),
  }),
};

/** Of the names of a virtual host the first says enough; JSON has all of them. */
const SHOWN_DOMAINS = 2;

function routeRows(configuration: Message): readonly (readonly string[])[] {
  return list(configuration["virtual_hosts"]).map((host) => [
    nameOf(configuration),
    nameOf(host),
    domains(strings(host["domains"])),
    String(list(host["routes"]).length),
  ]);
}

function domains(names: readonly string[]): string {
  const others = names.length - SHOWN_DOMAINS;
  const shown = names.slice(0, SHOWN_DOMAINS).join(",");
  return others > 0 ? `${shown} and ${others} more` : shown;
}

function endpointRows(assignment: Message): readonly (readonly string[])[] {
  const name = text(assignment["cluster_name"]) || nameOf(assignment);
  return list(assignment["endpoints"]).flatMap((locality) =>
    list(locality["lb_endpoints"]).map((entry) => [
      name,
      socketAddress(message(entry["endpoint"])["address"]),
      text(entry["health_status"]) || "HEALTHY",
      text(locality["priority"]) || "0",
      // A weight of the locality is what counts where there is one.
      [locality, entry].map((each) => text(each["load_balancing_weight"])).find((weight) => weight !== "0") ??
        "",
    ]),
  );
}

function clusterType(cluster: Message): string {
  const own = message(cluster["cluster_type"])["name"];
  return text(own) || text(cluster["type"]) || "STATIC";
}

function encryption(cluster: Message): string {
  if (cluster["transport_socket_matches"] !== undefined) return "by endpoint";
  return text(message(cluster["transport_socket"])["name"]);
}

function secretType(secret: Message): string {
  return (
    ["tls_certificate", "validation_context", "generic_secret", "session_ticket_keys"].find(
      (kind) => kind in secret,
    ) ?? ""
  );
}

function socketAddress(address: unknown): string {
  const socket = message(message(address)["socket_address"]);
  if (Object.keys(socket).length > 0) return `${text(socket["address"])}:${text(socket["port_value"])}`;
  return text(message(message(address)["pipe"])["path"]);
}

function inside(entries: unknown, field: string): readonly Message[] {
  return list(entries).map((entry) => message(entry[field]));
}

function byName(messages: readonly Message[]): readonly Message[] {
  return [...messages].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf(entry: Message): string {
  return text(entry["name"]) || text(entry["cluster_name"]);
}

function message(value: unknown): Message {
  return typeof value === "object" && value !== null ? (value as Message) : {};
}

function list(value: unknown): readonly Message[] {
  return Array.isArray(value) ? (value as readonly Message[]) : [];
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
