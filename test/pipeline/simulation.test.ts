// Where calls go, by the configuration that a mesh really generates.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { meshGraph } from "#test/helpers/mesh-graph.ts";
import { podYaml } from "#test/helpers/objects.ts";
import { type Call, simulate } from "#test/helpers/simulate.ts";

const services = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: reviews}
spec: {clusterIP: 10.96.0.5, selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: db}
spec: {clusterIP: 10.96.0.6, selector: {app: db}, ports: [{name: tcp-sql, port: 5432}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: shop, name: reviews}
spec:
  hosts: [reviews]
  http:
  - match: [{uri: {prefix: /v2}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - match: [{uri: {prefix: /api}}]
    route: [{destination: {host: reviews, subset: v1}, weight: 80}, {destination: {host: reviews, subset: v2}, weight: 20}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {namespace: shop, name: reviews}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: prices}
spec: {clusterIP: 10.96.0.7, selector: {app: reviews}, ports: [{name: grpc, port: 7070}, {name: http, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {namespace: shop, name: prices}
spec:
  parentRefs: [{group: "", kind: Service, name: prices, sectionName: grpc}]
  rules:
  - matches: [{method: {service: shop.Prices}}]
    backendRefs: [{name: reviews, port: 80}]
  - matches: [{method: {service: shop.Prices, method: Watch}}]
    filters: [{type: RequestMirror, requestMirror: {backendRef: {name: reviews, port: 80}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: shop, name: prices}
spec:
  parentRefs: [{group: "", kind: Service, name: prices}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {scheme: https, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
  - matches: [{path: {type: PathPrefix, value: /v1}}]
    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2}}}]
    backendRefs: [{name: reviews, port: 80}]
`;

const catalog = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: catalog}
spec: {clusterIP: 10.96.0.8, selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: shop, name: catalog}
spec:
  hosts: [catalog]
  http:
  - name: host
    match: [{authority: {exact: books.example.org}, withoutHeaders: {x-old: {}}}]
    route: [{destination: {host: reviews}}]
  - name: web
    match: [{sourceLabels: {app: web}, uri: {regex: "/shelf/[0-9]+"}}]
    rewrite: {uri: /all}
    route: [{destination: {host: reviews}}]
  - name: database
    match: [{sourceLabels: {app: db}}]
    route: [{destination: {host: reviews}}]
  - name: rest
    delegate: {name: rest}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: shop, name: rest}
spec: {http: [{name: moved, match: [{uri: {prefix: /moved}}], redirect: {prefixRewrite: /here}}]}
`;

const anyReview = [
  {
    cluster: "outbound|80||reviews.shop.svc.cluster.local",
    weight: 1,
    endpoints: ["10.244.0.3:8080+mtls", "10.244.0.4:8080"],
  },
];

function shop() {
  const mesh = meshGraph();
  mesh.put(services);
  mesh.put(catalog);
  for (const [name, address, labels, meshed] of [
    ["web", "10.244.0.2", { app: "web" }, true],
    ["reviews-1", "10.244.0.3", { app: "reviews", version: "v1" }, true],
    ["reviews-2", "10.244.0.4", { app: "reviews", version: "v2" }, false],
    ["db-0", "10.244.0.5", { app: "db" }, true],
  ] as const) {
    mesh.put(podYaml({ namespace: "shop", name, address, labels, meshed }));
  }
  mesh.graph.settle();
  return mesh;
}

const from = { namespace: "shop", pod: "web" };

suite("a call goes", () => {
  const { graph, provider } = shop();
  const cases: readonly (readonly [string, Call, object])[] = [
    [
      "to the subset that its path asks for, plaintext to a pod outside the mesh",
      { from, to: "10.96.0.5:80", http: { host: "reviews", path: "/v2/x" } },
      {
        chain: "http",
        route: "shop/reviews/0",
        destinations: [
          {
            cluster: "outbound|80|v2|reviews.shop.svc.cluster.local",
            weight: 1,
            endpoints: ["10.244.0.4:8080"],
          },
        ],
      },
    ],
    [
      "by weight, whatever Host it sends",
      { from, to: "10.96.0.5:80", http: { host: "some.other.name", path: "/api" } },
      {
        chain: "http",
        route: "shop/reviews/1",
        destinations: [
          {
            cluster: "outbound|80|v1|reviews.shop.svc.cluster.local",
            weight: 80,
            endpoints: ["10.244.0.3:8080+mtls"],
          },
          {
            cluster: "outbound|80|v2|reviews.shop.svc.cluster.local",
            weight: 20,
            endpoints: ["10.244.0.4:8080"],
          },
        ],
      },
    ],
    [
      "nowhere when no route matches",
      { from, to: "10.96.0.5:80", http: { host: "reviews", path: "/other" } },
      { chain: "http", route: "default", status: 404, destinations: [] },
    ],
    [
      "to the backend of its gRPC service",
      { from, to: "10.96.0.7:7070", http: { host: "prices:7070", path: "/shop.Prices/Get", method: "POST" } },
      { chain: "http", route: "shop/prices/0", destinations: anyReview },
    ],
    [
      "nowhere for a gRPC method whose rule asks for what is not supported",
      {
        from,
        to: "10.96.0.7:7070",
        http: { host: "prices:7070", path: "/shop.Prices/Watch", method: "POST" },
      },
      { chain: "http", route: "shop/prices/1", status: 503, destinations: [] },
    ],
    [
      "nowhere on a port that a GRPCRoute has taken from an HTTPRoute",
      { from, to: "10.96.0.7:7070", http: { host: "prices:7070", path: "/v1" } },
      { chain: "http", route: "default", status: 404, destinations: [] },
    ],
    [
      "elsewhere, where a redirect sends it",
      { from, to: "10.96.0.7:80", http: { host: "prices", path: "/old/page" } },
      {
        chain: "http",
        route: "shop/prices/0",
        status: 302,
        location: "https://prices/page",
        destinations: [],
      },
    ],
    [
      "to its backend with another path",
      { from, to: "10.96.0.7:80", http: { host: "prices", path: "/v1/page" } },
      { chain: "http", route: "shop/prices/1", path: "/v2/page", destinations: anyReview },
    ],
    [
      "by the Host that it sends, unless a header is there",
      { from, to: "10.96.0.8:80", http: { host: "books.example.org" } },
      { chain: "http", route: "shop/catalog/host", destinations: anyReview },
    ],
    [
      "where its own pod's labels send it, with another path",
      { from, to: "10.96.0.8:80", http: { host: "catalog", path: "/shelf/7" } },
      { chain: "http", route: "shop/catalog/web", path: "/all", destinations: anyReview },
    ],
    [
      "elsewhere, where a delegate sends it",
      {
        from,
        to: "10.96.0.8:80",
        http: { host: "books.example.org", path: "/moved/x", headers: { "x-old": "1" } },
      },
      {
        chain: "http",
        route: "shop/rest/rest-moved",
        status: 301,
        location: "http://books.example.org/here/x",
        destinations: [],
      },
    ],
    [
      "nowhere on a port that the service does not have",
      { from, to: "10.96.0.5:81", http: { host: "reviews" } },
      { chain: "http", route: "default", status: 503, destinations: [] },
    ],
    [
      "encrypted to a pod by its own address, on any port",
      { from, to: "10.244.0.3:9999", http: { host: "10.244.0.3:9999" } },
      {
        chain: "http",
        route: "default",
        destinations: [
          { cluster: "outbound|9999||10.244.0.3", weight: 1, endpoints: ["10.244.0.3:9999+mtls"] },
        ],
      },
    ],
    [
      "encrypted to a TCP service",
      { from, to: "10.96.0.6:5432" },
      {
        chain: "tcp",
        destinations: [{ cluster: "tcp|10.96.0.6:5432", weight: 1, endpoints: ["10.244.0.5:5432+mtls"] }],
      },
    ],
    [
      "as dialled to an address of nobody",
      { from, to: "10.1.2.3:80", http: { host: "printer" } },
      {
        chain: "http",
        route: "default",
        destinations: [{ cluster: "PassthroughCluster", weight: 1, endpoints: [] }],
      },
    ],
    [
      "as dialled outside the mesh's ranges",
      { from, to: "93.184.216.34:443" },
      { chain: "outside tcp", destinations: [] },
    ],
    [
      "nowhere to the proxy's own port",
      { from, to: "127.0.0.1:15001" },
      { chain: "itself", destinations: [] },
    ],
  ];
  for (const [name, call, expected] of cases) {
    test(name, () => assert.deepEqual(simulate(graph, provider, call), expected));
  }
});
