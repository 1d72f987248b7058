// Data goes one way through the rooms of src/. This reads who imports whom, and holds the arrows of
// docs/architecture.md.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

/**
 * What each room may import besides itself: rooms, or single files where a room is too much. `type` before it:
 * only types, so that nothing of it runs there.
 */
const arrows: Readonly<Record<string, readonly string[]>> = {
  model: [],
  collections: [],
  runtime: [],
  // What a control plane is told of its mesh, in the words of the API.
  "runtime/settings.ts": ["model/others.ts"],
  // The API server: requests, watches, server-side apply.
  kubernetes: ["model", "runtime"],
  sources: ["model", "collections", "kubernetes"],
  // In local mode the commands of containers are programs of this machine.
  "sources/directory/check-commands.ts": ["runtime/executable.ts"],
  // The kinds of heddle.dev are defined where they are installed; gen/ is written from that.
  "sources/schema/custom-resources.ts": ["install/crds/definitions.ts"],
  // The objects are its input, whoever brings them; rewritten probes are agreed with the injector.
  compile: ["model", "collections", "type sources/objects.ts", "injector/probes.ts"],
  envoy: [
    "model",
    "collections",
    "type compile/views.ts",
    "type compile/listener-views.ts",
    "type compile/clients/credentials.ts",
    // How hosts name services, and the ports on which servers speak first: facts that both halves need.
    "compile/services/services.ts",
    "type xds/provider.ts",
    "xds/type-urls.ts",
    "telemetry/access-log.ts",
    "telemetry/measures.ts",
    "identity/spiffe.ts",
    "type identity/authority.ts",
  ],
  // Where views meet messages: it asks compile for the view of what somebody subscribed to, and of nothing else.
  "envoy/provider.ts": ["compile"],
  "envoy/provider-inputs.ts": ["type compile/mesh.ts"],
  "envoy/tls/secret-resources.ts": [
    "compile/clients/credentials.ts",
    "compile/outbound/reach.ts",
    "identity/workload-certificates.ts",
  ],
  // Kinds of clients are what most resources are kept by.
  "envoy/resource-keys.ts": ["compile/clients/clients.ts"],
  xds: ["collections", "model", "runtime"],
  // A cluster's tokens are checked by what its API server says.
  identity: ["model", "collections", "kubernetes/client.ts"],
  // What the sidecar's containers are given: rules, and the names that identity and telemetry have agreed with it.
  injector: [
    "model",
    "collections",
    "interception",
    "identity/token-audience.ts",
    "identity/trust-bundle.ts",
    "telemetry/measures.ts",
  ],
  interception: ["model", "collections"],
  // Who a peer is stands in its certificate.
  telemetry: ["model", "collections", "identity/spiffe.ts"],
  // What one replica writes for all: objects that the injector and the authority make. What they ask each other.
  replicas: [
    "model",
    "collections",
    "runtime",
    "kubernetes",
    "injector",
    "identity",
    "telemetry",
    "type sources/objects.ts",
    "sources/kubernetes/reflector.ts",
    "type xds/provider.ts",
    "type xds/server.ts",
    "xds/status.ts",
    "compile/status/status.ts",
    "type compile/mesh.ts",
  ],
  local: ["sources", "injector", "interception", "identity", "collections", "model", "runtime"],
  // Objects out of settings, applied and checked: what pods get is the injector's decision, here as everywhere.
  install: ["model", "runtime", "kubernetes", "injector", "identity/trust-bundle.ts"],
  // The webhooks answer with what the injector does, and with what checks say of an object.
  api: [
    "model",
    "collections",
    "telemetry",
    "injector",
    "compile/checks/check.ts",
    "compile/checks/inputs.ts",
    "compile/clients/ownership.ts",
    "sources/schema/field-path.ts",
    "sources/schema/read-object.ts",
    "replicas/gathered.ts",
    // The webhooks are a server over TLS, as the discovery server is.
    "runtime/secure-context.ts",
  ],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

/** The entries, and the core that they share: they know everything, and nothing knows them. */
const wiring = new Set(["main.ts", "main-kubernetes.ts", "control-plane.ts"]);

function importsOf(file: string): readonly Import[] {
  const from = file.slice("src/".length);
  const text = readFileSync(file, "utf8");
  const statements = text.matchAll(/^(?:import|export)\b([^;"]*?)\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/gm);
  return [...statements].map(([, names = "", named, dynamic]) => {
    const target = named ?? dynamic ?? "";
    const to = target.startsWith(".") ? join(dirname(from), target) : target;
    const braces = /\{([^}]*)\}/
      .exec(names)?.[1]
      ?.split(",")
      .filter((name) => name.trim() !== "");
    const typesOnly =
      /^\s+type\b/.test(names) || braces?.every((name) => name.trim().startsWith("type ")) === true;
    return { from, to: to.replace(/^#/, ""), typesOnly };
  });
}

function roomOf(path: string): string {
  return path.split("/")[0] ?? "";
}

function isAllowed({ from, to, typesOnly }: Import): boolean {
  const room = roomOf(from);
  if (room === roomOf(to) || wiring.has(room) || room === "cli") return true;
  return [...(arrows[room] ?? []), ...(arrows[from] ?? [])].some((arrow) => {
    const target = arrow.replace(/^type /, "");
    return (target === to || target === roomOf(to)) && (typesOnly || target === arrow);
  });
}

const rooms = new Set([...Object.keys(arrows), "cli", ...wiring]);
const files = globSync("src/**/*.ts").filter((file) => !file.endsWith(".test.ts"));
const imports = files.flatMap(importsOf);

test("data goes one way: no room imports what is not on its list", () => {
  const inside = imports.filter(({ to }) => rooms.has(roomOf(to)) || roomOf(to) === "test");
  assert.ok(inside.length > 100, "the imports were not found");
  assert.deepEqual(
    inside.filter((each) => !isAllowed(each)).map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test("nothing imports the wiring, cli and api but each other", () => {
  const ends = new Set([...wiring, "cli", "api"]);
  const wrong = imports.filter(({ from, to }) => ends.has(roomOf(to)) && !ends.has(roomOf(from)));
  assert.deepEqual(wrong, []);
});

test("every room has its arrows", () => {
  assert.deepEqual(
    [...new Set(files.map((file) => roomOf(file.slice("src/".length))))].filter((room) => !rooms.has(room)),
    [],
  );
});

test("the model and the compiler know no library and nothing of the machine", () => {
  const outside = imports.filter(({ from, to }) => {
    return ["model", "compile"].includes(roomOf(from)) && !rooms.has(roomOf(to));
  });
  assert.deepEqual(outside, []);
});

/** A folder of a room, or a file beside its folders. */
function placeOf(path: string): string {
  const [room = "", inside = "", ...rest] = path.split("/");
  return rest.length === 0 ? path : `${room}/${inside}`;
}

/** The first circle found from `place` on, as the places it goes through. */
function circleFrom(
  place: string,
  next: ReadonlyMap<string, ReadonlySet<string>>,
  done: Set<string>,
  path: readonly string[] = [],
): readonly string[] {
  if (path.includes(place)) return [...path.slice(path.indexOf(place)), place];
  if (done.has(place)) return [];
  for (const target of next.get(place) ?? []) {
    const circle = circleFrom(target, next, done, [...path, place]);
    if (circle.length > 0) return circle;
  }
  done.add(place);
  return [];
}

test("data goes one way inside the rooms, too: no folder is behind itself", () => {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const [place, target] = [placeOf(from), placeOf(to)];
    if (place === target || roomOf(from) !== roomOf(to)) continue;
    next.set(place, (next.get(place) ?? new Set()).add(target));
  }
  assert.ok(next.size > 100, "the imports were not found");
  const done = new Set<string>();
  const circles = [...next.keys()].map((place) => circleFrom(place, next, done));
  assert.deepEqual(circles.find((circle) => circle.length > 0) ?? [], []);
});
