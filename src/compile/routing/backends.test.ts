import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import type { BackendReference } from "#model/gateway-api/references.ts";
import { meshService } from "#model/kubernetes/mesh-service.ts";
import type { MeshService } from "#model/service.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { readNow } from "../checks/check.ts";
import { serviceKey } from "../services/services.ts";
import { attachedPorts, isAttachedTo } from "./attachments.ts";
import { resolveBackend } from "./backends.ts";
import { routingInputs } from "./routing-lookups.ts";

/** What an object that is not a Service makes of itself differs in what is not looked at here. */
function serviceOf(kind: MeshService["kind"], name: string, hostname: string): MeshService {
  const service = meshService({
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "outer", name },
    spec: { ports: [{ port: 443, name: "http" }] },
  });
  return { ...service, kind, hostname };
}

const services = [
  serviceOf("Service", "same", "same.outer.svc.cluster.local"),
  serviceOf("ServiceEntry", "same", "api.example.com"),
  serviceOf("ServiceEntry", "several", "a.example.com"),
  serviceOf("ServiceEntry", "several", "b.example.com"),
];
const group = "networking.istio.io";

function setUp() {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const { objects, put } = testObjects(graph);
  const source = graph.source<MeshService>("services");
  for (const service of services) source.set(serviceKey(service), service);
  const inputs = routingInputs(graph, objects, source, "test");
  return {
    put,
    /** What a backend of a route of namespace `shop` means: a host, or why it means none. */
    meant: (backend: BackendReference, needsGrant = false): string => {
      graph.settle();
      const referrer = { kind: "HTTPRoute", namespace: "shop", needsGrant };
      const found = resolveBackend(inputs, readNow, { port: 443, ...backend }, referrer);
      return found.kind === "service"
        ? `${found.service.hostname}:${found.service.port}`
        : `${found.reason}, ${found.field}: ${found.message}`;
    },
  };
}

test("a backend is a Service, the host of a ServiceEntry, or any host by its name", () => {
  const { meant } = setUp();
  assert.equal(meant({ name: "same", namespace: "outer" }), "same.outer.svc.cluster.local:443");
  assert.equal(
    meant({ group, kind: "ServiceEntry", name: "same", namespace: "outer" }),
    "api.example.com:443",
  );
  assert.equal(meant({ group, kind: "Hostname", name: "b.example.com" }), "b.example.com:443");
  assert.equal(
    meant({ group, kind: "Hostname", name: "same.outer.svc.cluster.local" }),
    "same.outer.svc.cluster.local:443",
  );
});

test("a backend that means nothing, or too much, says what to do", () => {
  const { meant } = setUp();
  assert.equal(
    meant({ group, kind: "ServiceEntry", name: "several", namespace: "outer" }),
    "BackendNotFound, name: ServiceEntry outer/several has the hosts a.example.com and b.example.com; name one of them with kind Hostname",
  );
  assert.equal(
    meant({ group, kind: "ServiceEntry", name: "same" }),
    "BackendNotFound, name: there is no ServiceEntry shop/same; define it or correct the name",
  );
  assert.equal(
    meant({ group, kind: "Hostname", name: "c.example.com" }),
    "BackendNotFound, name: no Service and no ServiceEntry has the host c.example.com; define it or correct the name",
  );
  assert.equal(
    meant({ group, kind: "Hostname", name: "a.example.com", namespace: "outer" }),
    "InvalidKind, namespace: a Hostname is in no namespace; remove it",
  );
  assert.equal(
    meant({ kind: "ServiceEntry", name: "same", namespace: "outer" }),
    "InvalidKind, kind: ServiceEntry is no backend; name a Service, or a ServiceEntry or Hostname of networking.istio.io",
  );
  assert.equal(
    meant({ group, kind: "Hostname", name: "a.example.com", port: 80 }),
    "BackendNotFound, port: ServiceEntry outer/several has no port 80; its ports are 443",
  );
});

test("a route of a Gateway needs a grant for what it names in other namespaces, by whatever name", () => {
  const { meant, put } = setUp();
  const grant = (to: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {namespace: outer, name: grant}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [${to}]`;
  const entry = { group, kind: "ServiceEntry", name: "same", namespace: "outer" };
  const host = { group, kind: "Hostname", name: "same.outer.svc.cluster.local" };
  put(grant('{group: "", kind: Service, name: other}'));
  assert.match(meant(entry, true), /^RefNotPermitted, namespace: no ReferenceGrant in namespace outer/);
  assert.match(meant(host, true), /^RefNotPermitted/);
  put(grant('{group: networking.istio.io, kind: ServiceEntry, name: same}, {group: "", kind: Service}'));
  assert.equal(meant(entry, true), "api.example.com:443");
  assert.equal(meant(host, true), "same.outer.svc.cluster.local:443");
});

test("a route is attached to a ServiceEntry or to the Service of the same name, never to both", () => {
  const attached = (parent: object) => {
    const route = {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute" as const,
      metadata: { namespace: "outer", name: "route" },
      spec: { parentRefs: [{ name: "same", ...parent }] },
    };
    return services.filter((service) => isAttachedTo(route, service, 443)).map(({ hostname }) => hostname);
  };
  assert.deepEqual(attached({ group: "", kind: "Service" }), ["same.outer.svc.cluster.local"]);
  assert.deepEqual(attached({ group, kind: "ServiceEntry" }), ["api.example.com"]);
  assert.deepEqual(attached({ group, kind: "ServiceEntry", name: "several" }), [
    "a.example.com",
    "b.example.com",
  ]);
  assert.deepEqual(attached({ group: "", kind: "ServiceEntry" }), []);
  assert.deepEqual(attached({ group, kind: "ServiceEntry", port: 80 }), []);
  const [, entry] = services;
  assert.ok(entry !== undefined);
  assert.deepEqual(attachedPorts({ name: "same", port: 80 }, entry), {
    kind: "refused",
    reason: "NoMatchingParent",
    field: "port",
    message: "ServiceEntry outer/same has no port 80; its ports are 443",
  });
});
