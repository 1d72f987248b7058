// What the tests of VirtualServices run in: servers, clients, and routes with every field of http.
import { client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

export const namespace = "shop";
const ports = [
  { name: "http", port: 80, targetPort: 8080 },
  { name: "grpc", port: 7070 },
];

/** As many as there are cases: each has a service that nobody has called before. */
export const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
function virtualService(name: string, spec: object, inNamespace = namespace): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: inNamespace },
    spec,
  };
}

const to = (host: string) => [{ destination: { host } }];
const v2 = to("v2");
const always = { value: 100 };

const rules = [
  { match: [{ uri: { prefix: "/case" }, ignoreUriCase: true }], route: v2 },
  { match: [{ uri: { regex: "/expression/[0-9]+" } }], route: v2 },
  { match: [{ uri: { prefix: "/method" }, method: { exact: "PUT" }, scheme: { exact: "http" } }], route: v2 },
  { match: [{ uri: { prefix: "/https" }, scheme: { exact: "https" } }], route: v2 },
  {
    match: [
      { uri: { prefix: "/headers" }, headers: { "X-Here": {}, "x-kind": { prefix: "te" } } },
      { uri: { prefix: "/without" }, withoutHeaders: { "x-kind": { exact: "old" }, "x-debug": {} } },
      { uri: { prefix: "/cookie" }, headers: { cookie: { regex: "^(.*?;)?( ?user=jason)(;.*)?$" } } },
      { uri: { prefix: "/query" }, queryParams: { page: { exact: "1" }, sort: { regex: "a|b" }, any: {} } },
      { uri: { prefix: "/host" }, authority: { regex: "s[0-9]+([.]example[.]org)?" } },
    ],
    route: v2,
  },
  { match: [{ uri: { prefix: "/moved" } }], redirect: { uri: "/there", redirectCode: 308 } },
  {
    match: [{ uri: { prefix: "/elsewhere" } }],
    redirect: { authority: "example.org", prefixRewrite: "/x", scheme: "https" },
  },
  {
    match: [{ uri: { exact: "/closed" } }],
    directResponse: { status: 503, body: { string: "closed today" } },
    headers: { response: { set: { "x-why": "holiday" } } },
  },
  { match: [{ uri: { exact: "/bytes" } }], directResponse: { status: 200, body: { bytes: "aGVsbG8=" } } },
  { match: [{ uri: { prefix: "/old/" }, statPrefix: "renamed" }], rewrite: { uri: "/new/" }, route: v2 },
  { match: [{ uri: { exact: "/exact" } }], rewrite: { uri: "/whole", authority: "other.org" }, route: v2 },
  {
    match: [{ uri: { prefix: "/swap" } }],
    rewrite: { uriRegexRewrite: { match: "^/swap/([^/]+)/([^/]+)", rewrite: "/\\2/\\1" } },
    route: v2,
  },
  {
    match: [{ uri: { prefix: "/changed" } }],
    headers: {
      request: {
        set: { "x-set": "100%", Host: "route.example.org" },
        add: { "x-add": "2" },
        remove: ["x-gone"],
      },
      response: { set: { "x-echo-name": "hidden" }, add: { "x-more": "3" }, remove: ["content-type"] },
    },
    route: v2,
  },
  {
    match: [{ uri: { prefix: "/own-host" } }],
    rewrite: { authority: "route.example.org" },
    route: [
      { destination: { host: "v1" }, weight: 50, headers: { request: { set: { ":authority": "one.org" } } } },
      { destination: { host: "v2" }, weight: 50 },
    ],
  },
  {
    match: [{ uri: { prefix: "/abort" } }],
    fault: { abort: { httpStatus: 418, percentage: always } },
    route: v2,
  },
  {
    match: [{ uri: { prefix: "/heddle.test.Echo" } }],
    fault: { abort: { grpcStatus: "RESOURCE_EXHAUSTED", percentage: always } },
    route: v2,
  },
  {
    match: [{ uri: { prefix: "/delay" } }],
    fault: { delay: { fixedDelay: "400ms", percentage: always } },
    route: v2,
  },
  {
    match: [{ uri: { prefix: "/sometimes" } }],
    fault: { abort: { httpStatus: 418, percentage: { value: 25 } } },
    route: v2,
  },
  { match: [{ uri: { prefix: "/slow" } }], timeout: "300ms", route: v2 },
  {
    match: [{ uri: { prefix: "/again" } }],
    retries: { attempts: 2, perTryTimeout: "200ms", retryOn: "gateway-error" },
    route: v2,
  },
  {
    match: [{ uri: { prefix: "/once" } }],
    retries: { attempts: 0, perTryTimeout: "200ms", retryOn: "gateway-error" },
    route: v2,
  },
  { match: [{ uri: { prefix: "/copied" } }], mirror: { host: "copy" }, route: v2 },
  {
    match: [{ uri: { prefix: "/pages" } }],
    corsPolicy: {
      allowOrigins: [{ regex: "https://.*[.]example[.]org" }],
      allowMethods: ["PUT"],
      maxAge: "1h",
      unmatchedPreflights: "IGNORE",
    },
    route: v2,
  },
  {
    match: [{ uri: { prefix: "/delegated" } }],
    delegate: { name: "part", namespace: "ops" },
    timeout: "800ms",
  },
  { match: [{ uri: { prefix: "/broken" } }], delegate: { name: "nobody" } },
  { match: [{ uri: { prefix: "/who" }, sourceLabels: { group: "testers" } }], route: v2 },
  { match: [{ uri: { prefix: "/who" }, sourceNamespace: "lab" }], route: v2 },
  {
    match: [{ uri: { prefix: "/zero" } }],
    route: [
      { ...v2[0], weight: 0 },
      { ...to("v1")[0], weight: 7 },
    ],
  },
  { match: [{ uri: { prefix: "/" } }], route: to("v1") },
];

export const files = {
  "apps.yaml": [
    meshedNamespace(namespace),
    meshedNamespace("lab"),
    ...["v1", "v2", "copy"].flatMap((name) => [
      echo(name, ["--http", "8080", "--grpc", "7070", "--name", name], 8080, {
        namespace,
        labels: { group: "servers" },
      }),
      service(name, ports, { namespace }),
    ]),
    ...[...names, "wild", "shared", "untidy"].map((name) => service(name, ports, { namespace, app: "v1" })),
    client("web", { namespace }),
    client("tester", { namespace, labels: { group: "testers" } }),
    client("researcher", { namespace: "lab" }),
  ],
  "routes.yaml": [
    virtualService("all", { hosts: names, http: rules }),
    virtualService(
      "part",
      {
        http: [
          { match: [{ uri: { exact: "/delegated/moved" } }], redirect: { uri: "/moved" } },
          { match: [{ uri: { prefix: "/other" } }], redirect: { uri: "/never" } },
          { route: to("v2.shop.svc.cluster.local") },
        ],
      },
      "ops",
    ),
    // What Envoy would refuse, and all other rules with it.
    virtualService("untidy", {
      hosts: ["untidy"],
      http: [
        {
          match: [{ uri: { prefix: "/command" } }],
          headers: { response: { set: { "x-a": "%NOSUCH%" }, remove: [""] } },
          route: v2,
        },
        { match: [{ uri: { prefix: "/line" } }], rewrite: { uri: "/a\nb" }, route: v2 },
        { match: [{ uri: { prefix: "/name" }, queryParams: { "": { exact: "1" } } }], route: v2 },
        { route: to("v1") },
      ],
    }),
    virtualService("wild", {
      hosts: ["*.shop.svc.cluster.local"],
      http: [{ match: [{ uri: { prefix: "/wild" } }], route: v2 }, { route: to("v1") }],
    }),
    virtualService("a-first", {
      hosts: ["shared"],
      http: [{ match: [{ uri: { prefix: "/first" } }], route: v2 }, { route: to("v1") }],
    }),
    virtualService("b-second", {
      hosts: ["shared.shop.svc.cluster.local"],
      http: [
        { match: [{ uri: { prefix: "/first" } }], route: to("v1") },
        { match: [{ uri: { prefix: "/second" } }], route: v2 },
        { route: v2 },
      ],
    }),
  ],
};
