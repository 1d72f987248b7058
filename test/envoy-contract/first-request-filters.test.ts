// Filters that only some routes configure: they are disabled in the chain, so that other requests do without, and the way
// by destination has them all, so that the first request of a destination does not.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { RBAC_Action } from "@heddle/envoy-api/envoy/config/rbac/v3/rbac";
import type { RouteSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { HTTPFaultSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import { RBACPerRouteSchema, RBACSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac";
import { FractionalPercent_DenominatorType } from "@heddle/envoy-api/envoy/type/v3/percent";
import { any, extension, type Init, typedExtension } from "#test/helpers/config.ts";
import { startEcho } from "#test/helpers/http.ts";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { virtualHost } from "./outbound.ts";
import { type Known, onDemand, type Sidecar, startSidecar } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const endpoint = "127.0.0.1:8080";
const known: Record<string, Known> = {};
for (let host = 1; host <= 5; host++) known[`10.96.0.${host}:80`] = { domains: [`s${host}`], endpoint };
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

const withFault = any(HTTPFaultSchema, abort);

/** What each destination's route says to the filters. */
const routes: Readonly<Record<string, Init<typeof RouteSchema>>> = {
  "10.96.0.1:80": { typedPerFilterConfig: { fault: withFault } },
  "10.96.0.2:80": { typedPerFilterConfig: { rbac: deny } },
  "10.96.0.3:80": {
    action: {
      case: "route",
      value: {
        clusterSpecifier: {
          case: "weightedClusters",
          value: {
            clusters: [
              { name: "outside", weight: 1, typedPerFilterConfig: { fault: withFault } },
              { name: "http|10.96.0.3:80", weight: 0 },
            ],
          },
        },
      },
    },
  },
  "10.96.0.5:80": { typedPerFilterConfig: { elsewhere: withFault } },
};

before(async () => {
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const pod = await network.pod("10.244.0.2");
  stack.adopt(startEcho(await pod.listen(8080), "app"), (app) => app.close());
  const filters = [typedExtension("fault", HTTPFaultSchema, {}), typedExtension("rbac", RBACSchema, {})];
  const alone = { ...extension("elsewhere", HTTPFaultSchema, {}), disabled: true };
  sidecar = await startSidecar(
    stack,
    pod,
    onDemand(
      known,
      { filters, alone: [alone], manager: { httpProtocolOptions: { enableTrailers: true } } },
      (type, name) => {
        if (name === `outbound/${unanswered}`) return "silence";
        const destination = name.slice("outbound/".length);
        const route = routes[destination];
        const entry = known[destination];
        if (type !== "virtualHost" || route === undefined || entry === undefined) return undefined;
        return [virtualHost({ destination, domains: entry.domains, route })];
      },
    ),
  );
});

/** The statuses of a first and a later request with a Host that is not the service's own, and of one with it. */
async function statuses(destination: string): Promise<readonly number[]> {
  const ask = async (host: string): Promise<number> => (await sidecar.ask(destination, host)).status;
  return [await ask("any"), await ask("any"), await ask(known[destination]?.domains[0] ?? "")];
}

test("a filter takes the route's configuration, on the first request already: fault", async () => {
  assert.deepEqual(await statuses("10.96.0.1:80"), [418, 418, 418]);
});

test("a filter takes the route's configuration, on the first request already: rbac", async () => {
  assert.deepEqual(await statuses("10.96.0.2:80"), [403, 403, 403]);
});

test("a cluster of a split can have a filter's configuration of its own", async () => {
  assert.deepEqual(await statuses("10.96.0.3:80"), [418, 418, 418]);
});

test("what no route configures passes", async () => {
  assert.deepEqual(await statuses("10.96.0.4:80"), [200, 200, 200]);
});

// Which filters a stream has is decided by the route that it matches first, and that is the miss.
test("a filter that the way by destination has not is skipped whenever the Host missed", async () => {
  assert.deepEqual(await statuses("10.96.0.5:80"), [200, 200, 418]);
});

// Once this fails, nobody has to wait behind the look-up any longer (src/envoy/filters/wait.ts).
test("a request that ends with trailers does not wait for its virtual host", async () => {
  const socket = await sidecar.dial(unanswered);
  socket.write("POST / HTTP/1.1\r\nhost: any\r\nconnection: close\r\n");
  socket.write("trailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-sum: 1\r\n\r\n");
  assert.match(await text(socket), /^HTTP\/1\.1 404 /);
});
