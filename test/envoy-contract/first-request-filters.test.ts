// Filters on the first request of a destination: what is only enabled per route comes too late, what is always
// enabled and neutral in the chain works.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { RBAC_Action } from "@heddle/envoy-api/envoy/config/rbac/v3/rbac";
import { FilterConfigSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { HTTPFaultSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import { RBACPerRouteSchema, RBACSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac";
import { FractionalPercent_DenominatorType } from "@heddle/envoy-api/envoy/type/v3/percent";
import { any, extension, type Init } from "#test/helpers/config.ts";
import { startEcho } from "#test/helpers/http.ts";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { virtualHost } from "./outbound.ts";
import { type Known, onDemand, type Sidecar, startSidecar } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const endpoint = "127.0.0.1:8080";
const known: Record<string, Known> = {};
for (let host = 1; host <= 4; host++) known[`10.96.0.${host}:80`] = { domains: [`s${host}`], endpoint };
/** Nothing is ever said of it. */
const unanswered = "10.96.0.9:80";
let sidecar: Sidecar;

const abort: Init<typeof HTTPFaultSchema> = {
  abort: {
    errorType: { case: "httpStatus", value: 418 },
    percentage: { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED },
  },
};
const deny = any(RBACPerRouteSchema, {
  rbac: {
    rules: {
      action: RBAC_Action.DENY,
      policies: {
        all: {
          permissions: [{ rule: { case: "any", value: true } }],
          principals: [{ identifier: { case: "any", value: true } }],
        },
      },
    },
  },
});

/** What each destination's route says to the filters. */
const perRoute: Readonly<Record<string, Record<string, ReturnType<typeof any>>>> = {
  "10.96.0.1:80": { disabled: any(FilterConfigSchema, { config: any(HTTPFaultSchema, abort) }) },
  "10.96.0.2:80": { neutral: any(HTTPFaultSchema, abort) },
  "10.96.0.3:80": { rbac: deny },
};

before(async () => {
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const pod = await network.pod("10.244.0.2");
  stack.adopt(startEcho(await pod.listen(8080), "app"), (app) => app.close());
  const filters = [
    { ...extension("disabled", HTTPFaultSchema, {}), disabled: true },
    extension("neutral", HTTPFaultSchema, {}),
    extension("rbac", RBACSchema, {}),
  ];
  sidecar = await startSidecar(
    stack,
    pod,
    onDemand(known, { filters, manager: { httpProtocolOptions: { enableTrailers: true } } }, (type, name) => {
      if (name === `outbound/${unanswered}`) return "silence";
      const destination = name.slice("outbound/".length);
      const typedPerFilterConfig = perRoute[destination];
      const entry = known[destination];
      if (type !== "virtualHost" || typedPerFilterConfig === undefined || entry === undefined)
        return undefined;
      return [virtualHost({ destination, domains: entry.domains, route: { typedPerFilterConfig } })];
    }),
  );
});

/** The statuses of a first and a later request with a Host that is not the service's own, and of one with it. */
async function statuses(destination: string): Promise<readonly number[]> {
  const ask = async (host: string): Promise<number> => (await sidecar.ask(destination, host)).status;
  return [await ask("any"), await ask("any"), await ask(known[destination]?.domains[0] ?? "")];
}

// Which filters a stream has is decided by the route that it matches first, and that is the miss.
test("a filter that only the route enables is skipped on the first request, and whenever the Host missed", async () => {
  assert.deepEqual(await statuses("10.96.0.1:80"), [200, 200, 418]);
});

test("a neutral filter takes the route's configuration on the first request already: fault", async () => {
  assert.deepEqual(await statuses("10.96.0.2:80"), [418, 418, 418]);
});

test("a neutral filter takes the route's configuration on the first request already: rbac", async () => {
  assert.deepEqual(await statuses("10.96.0.3:80"), [403, 403, 403]);
});

test("neutral filters let pass what no route configures", async () => {
  assert.deepEqual(await statuses("10.96.0.4:80"), [200, 200, 200]);
});

// Once this fails, nobody has to wait behind the look-up any longer (src/envoy/filters/wait.ts).
test("a request that ends with trailers does not wait for its virtual host", async () => {
  const socket = await sidecar.dial(unanswered);
  socket.write("POST / HTTP/1.1\r\nhost: any\r\nconnection: close\r\n");
  socket.write("trailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-sum: 1\r\n\r\n");
  assert.match(await text(socket), /^HTTP\/1\.1 404 /);
});
