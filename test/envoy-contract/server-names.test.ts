// Which names of TLS servers are known stands in a listener's matching tree: a name more or less drains no connection.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { TlsInspectorSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector";
import { TcpProxySchema } from "@heddle/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import { ServerNameInputSchema } from "@heddle/envoy-api/envoy/extensions/matching/common_inputs/network/v3/network_inputs";
import { ServerNameMatcherSchema } from "@heddle/envoy-api/xds/type/matcher/v3/domain";
import { type AdsResource, ads } from "#test/helpers/ads.ts";
import { clientHello } from "#test/helpers/client-hello.ts";
import { extension, socketAddress, typedExtension } from "#test/helpers/config.ts";
import { readUntil } from "#test/helpers/http.ts";
import { until } from "#test/helpers/wait.ts";
import { fixedCluster, type Plain, startPlain } from "./plain.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const drainSeconds = 1;
let plain: Plain;

function listener(version: string, domains: readonly string[], more: readonly string[] = []): AdsResource {
  const chain = (name: string) => ({
    name,
    filters: [
      extension("envoy.filters.network.tcp_proxy", TcpProxySchema, {
        statPrefix: name,
        clusterSpecifier: { case: "cluster", value: name },
      }),
    ],
  });
  const known = typedExtension("chain", StringValueSchema, { value: "known" });
  return ads(
    "listener",
    ListenerSchema,
    {
      name: "outbound",
      address: socketAddress("0.0.0.0", 8000),
      listenerFilters: [extension("envoy.filters.listener.tls_inspector", TlsInspectorSchema, {})],
      filterChainMatcher: {
        matcherType: {
          case: "matcherTree",
          value: {
            input: typedExtension("name", ServerNameInputSchema, {}),
            treeType: {
              case: "customMatch",
              value: typedExtension(
                "envoy.matching.custom_matchers.domain_matcher",
                ServerNameMatcherSchema,
                {
                  domainMatchers: [
                    { domains: [...domains], onMatch: { onMatch: { case: "action", value: known } } },
                  ],
                },
              ),
            },
          },
        },
      },
      filterChains: [chain("known"), ...more.map(chain)],
      defaultFilterChain: chain("unknown"),
    },
    { version },
  );
}

/** A connection to whatever the listener makes of this name; the server has said which it is. */
async function connect(name: string): Promise<{ readonly socket: net.Socket; readonly server: string }> {
  const socket = await plain.namespace.connect("127.0.0.1", 8000);
  socket.write(await clientHello(name));
  return { socket, server: (await readUntil(socket, "\n")).trim() };
}

before(async () => {
  plain = await startPlain(
    stack,
    (type) =>
      type === "listener"
        ? [listener("1", ["a.example.com", "*.wild.example.com"])]
        : [
            fixedCluster("known", ["127.0.0.1:9001"]),
            fixedCluster("unknown", ["127.0.0.1:9002"]),
            fixedCluster("another", []),
          ],
    "outbound",
    ["--drain-time-s", String(drainSeconds), "--drain-strategy", "immediate"],
  );
  for (const [port, name] of [
    [9001, "known"],
    [9002, "unknown"],
  ] as const) {
    const server = net.createServer((socket) =>
      socket.on("error", () => {}).once("data", () => socket.write(`${name}\n`)),
    );
    stack.adopt(server.listen(await plain.namespace.listen(port)), () => void server.close());
  }
});

test("names are matched exactly and by suffix, and a client that sends none is not known", async () => {
  const servers = new Map<string, string>();
  for (const name of [
    "a.example.com",
    "x.wild.example.com",
    "x.y.wild.example.com",
    "wild.example.com",
    "b.example.com",
    "",
  ]) {
    const { socket, server } = await connect(name);
    servers.set(name, server);
    socket.destroy();
  }
  assert.deepEqual(
    [...servers],
    [
      ["a.example.com", "known"],
      ["x.wild.example.com", "known"],
      ["x.y.wild.example.com", "known"],
      ["wild.example.com", "unknown"],
      ["b.example.com", "unknown"],
      ["", "unknown"],
    ],
  );
});

test("another name is known at once, and with another chain beside, connections of all chains stay", async () => {
  const open = [await connect("a.example.com"), await connect("b.example.com")];
  let closed = 0;
  for (const { socket } of open) socket.on("close", () => closed++).resume();
  plain.ads.send([listener("2", ["a.example.com", "b.example.com"], ["another"])]);
  await until(
    async () => (await plain.envoy.stat("listener_manager.listener_in_place_updated")) === 1,
    "the listener to be updated in place",
  );
  await until(async () => {
    const { socket, server } = await connect("b.example.com");
    socket.destroy();
    return server === "known";
  }, "the new name to be known");
  await sleep(drainSeconds * 2_000);
  assert.equal(closed, 0);
  assert.equal(await plain.envoy.stat("listener_manager.total_listeners_draining"), 0);
  for (const { socket } of open) socket.destroy();
});
