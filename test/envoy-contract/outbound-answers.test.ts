// What Envoy makes of answers to its questions: none, "does not exist", removal, return, rejected ones.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Cluster_LbPolicy } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ExpressionFilterSchema } from "@heddle/envoy-api/envoy/extensions/access_loggers/filters/cel/v3/cel";
import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { type AdsResource, settle } from "#test/helpers/ads.ts";
import { extension, milliseconds } from "#test/helpers/config.ts";
import { type Answer, startEcho } from "#test/helpers/http.ts";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { edsCluster, type OutboundOptions, virtualHost } from "./outbound.ts";
import { type Known, onDemand, type Sidecar, startSidecar, together } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const endpoint = "127.0.0.1:8080";
const known: Record<string, Known> = {};
for (let host = 1; host <= 20; host++) known[`10.96.0.${host}:80`] = { domains: [`s${host}`], endpoint };
let sidecar: Sidecar;
/** Long enough for every look-up that is answered. */
const boundMs = 5_000;
/** Requests that wait for as long as they may, while others are tested. */
let waiting: Readonly<Record<"unanswered" | "removed", Promise<Answer>>>;

/** A bound on waiting, and a plain answer when it is reached. */
const manager: OutboundOptions["manager"] = {
  commonHttpProtocolOptions: { maxStreamDuration: milliseconds(boundMs) },
  localReplyConfig: {
    mappers: [
      {
        filter: {
          filterSpecifier: {
            case: "extensionFilter",
            value: extension("cel", ExpressionFilterSchema, {
              expression: "response.code_details == 'max_duration_timeout'",
            }),
          },
        },
        statusCode: 503,
        bodyFormatOverride: {
          format: {
            case: "textFormatSource",
            value: {
              specifier: {
                case: "inlineString",
                value: "no answer for %DOWNSTREAM_LOCAL_ADDRESS%, %REQ(x-heddle-authority)%",
              },
            },
          },
        },
      },
    ],
  },
};

/** "There is nothing of this name": a resource with the alias and without content. */
const nothing = (name: string): AdsResource => ({
  type: "virtualHost",
  resource: create(ResourceSchema, { name, version: "none", aliases: [name] }),
});

before(async () => {
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const pod = await network.pod("10.244.0.2");
  stack.adopt(startEcho(await pod.listen(8080), "app"), (app) => app.close());
  sidecar = await startSidecar(
    stack,
    pod,
    onDemand(known, { manager }, (type, name) => {
      if (type !== "virtualHost") return undefined;
      if (name.includes("10.96.1.")) return [nothing(name)];
      return name.includes("10.96.2.") ? [] : undefined;
    }),
  );
  waiting = {
    unanswered: sidecar.ask("10.96.3.1:80", "unanswered"),
    removed: sidecar.ask("10.96.2.1:80", "removed"),
  };
  for (const answer of Object.values(waiting)) answer.catch(() => {});
  await until(() => sidecar.ads.subscribed("virtualHost").length >= 3, "their questions");
});

test("an empty resource under the asked alias is an immediate 404, also later, and can come into being", async () => {
  const destination = "10.96.1.1:80";
  for (const round of ["first", "later"]) {
    assert.equal((await sidecar.ask(destination, "x")).status, 404, round);
  }
  await settle(sidecar.ads, together(destination, { domains: ["born"], endpoint }));
  assert.equal((await sidecar.ask(destination, "x")).status, 200);
});

test("a removed virtual host is a 404 at once, is not asked for again, and comes back when sent", async () => {
  const { ads } = sidecar;
  const name = "outbound/10.96.0.1:80";
  assert.equal((await sidecar.ask("10.96.0.1:80", "s1")).status, 200);
  await settle(ads, [], [{ type: "virtualHost", name }]);
  const asked = ads.subscribed("virtualHost").length;
  for (const host of ["s1", "x"]) assert.equal((await sidecar.ask("10.96.0.1:80", host)).status, 404);
  assert.equal(ads.subscribed("virtualHost").length, asked);
  await settle(ads, [virtualHost({ destination: "10.96.0.1:80", domains: ["s1"], version: "2" })]);
  for (const host of ["s1", "x"]) assert.equal((await sidecar.ask("10.96.0.1:80", host)).status, 200);
});

test("an empty resource does not take an existing virtual host away", async () => {
  assert.equal((await sidecar.ask("10.96.0.2:80", "s2")).status, 200);
  await settle(sidecar.ads, [nothing("outbound/10.96.0.2:80")]);
  assert.equal((await sidecar.ask("10.96.0.2:80", "s2")).status, 200);
});

test("what was sent unasked needs no question, and is asked for after its removal", async () => {
  const { ads } = sidecar;
  const destination = "10.96.0.3:80";
  const name = `outbound/${destination}`;
  await settle(ads, together(destination, { domains: ["s3"], endpoint }));
  for (const host of ["s3", "x"]) assert.equal((await sidecar.ask(destination, host)).status, 200);
  assert.ok(!ads.subscribed("virtualHost").includes(name));
  assert.ok(!ads.subscribed("cluster").includes(`http|${destination}`));
  await settle(ads, [], [{ type: "virtualHost", name }]);
  assert.equal((await sidecar.ask(destination, "x")).status, 200);
  assert.ok(ads.subscribed("virtualHost").includes(name));
});

test("a cluster that vanishes under its virtual host is not asked for again", async () => {
  const { ads } = sidecar;
  const cluster = "http|10.96.0.4:80";
  assert.equal((await sidecar.ask("10.96.0.4:80", "s4")).status, 200);
  await settle(ads, [], [{ type: "cluster", name: cluster }]);
  const asked = ads.subscribed("cluster").length;
  assert.equal((await sidecar.ask("10.96.0.4:80", "s4")).status, 503);
  assert.equal(ads.subscribed("cluster").length, asked);
  await settle(ads, [edsCluster(cluster)]);
  await until(async () => (await sidecar.ask("10.96.0.4:80", "s4")).status === 200, "the cluster to be back");
});

test("one duplicate domain rejects the whole response; the others work when sent alone", async () => {
  const { ads } = sidecar;
  assert.equal((await sidecar.ask("10.96.0.5:80", "s5")).status, 200);
  const good = together("10.96.0.6:80", { domains: ["s6"], endpoint });
  const bad = virtualHost({ destination: "10.96.0.7:80", domains: ["s5"] });
  await settle(ads, [...good, bad]);
  assert.equal(ads.nacks().length, 1);
  assert.match(
    ads.nacks()[0] ?? "",
    /Only unique values for domains are permitted. Duplicate entry of domain s5/,
  );
  const routes = await sidecar.envoy.admin(
    "/config_dump?resource=dynamic_route_configs&mask=route_config.virtual_hosts.name",
  );
  assert.ok(!routes.includes("10.96.0.6:80"));
  await settle(ads, good);
  assert.equal((await sidecar.ask("10.96.0.6:80", "s6")).status, 200);
  assert.equal((await sidecar.ask("10.96.0.5:80", "s5")).status, 200);
});

test("a cluster that breaks a rule of its fields takes all of its response with it, unnamed", async () => {
  const { ads, envoy } = sidecar;
  const bad = edsCluster("bad|fields", { connectTimeout: { seconds: -1n, nanos: 0 } });
  await settle(ads, [edsCluster("good|before"), bad, edsCluster("good|after")]);
  assert.doesNotMatch(ads.nacks().at(-1) ?? "", /bad\|fields/);
  assert.doesNotMatch(await envoy.admin("/clusters"), /good\|/);
});

test("a cluster that Envoy cannot build is named, and the others of its response are taken", async () => {
  const { ads, envoy } = sidecar;
  const bad = edsCluster("bad|meaning", { lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED });
  await settle(ads, [edsCluster("good|one"), bad, edsCluster("good|two")]);
  assert.match(ads.nacks().at(-1) ?? "", /Error adding\/updating cluster\(s\) bad\|meaning/);
  const clusters = await envoy.admin("/clusters");
  assert.match(clusters, /good\|one/);
  assert.match(clusters, /good\|two/);
});

test("a question that nobody answers ends at the bound, in words of our own", async () => {
  const answer = await waiting.unanswered;
  assert.equal(answer.status, 503);
  assert.equal(answer.body, "no answer for 10.96.3.1:80, unanswered");
});

test("removed_resources does not answer a question: the request waits to the bound", async () => {
  const answer = await waiting.removed;
  assert.equal(answer.status, 503);
  assert.equal(answer.body, "no answer for 10.96.2.1:80, removed");
});
