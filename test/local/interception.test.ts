/**
 * The rules of src/interception on the real kernel: a pod and a stranger, each a network namespace, joined by a
 * cable. Listeners stand in for the proxy and the application and say which one was reached.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual, promisify } from "node:util";
import { type Interception, interceptEverything, interceptionRules } from "#interception/rules.ts";
import { until } from "#test/helpers/wait.ts";

const run = promisify(execFile);
const pod = { name: `heddle-test-${process.pid}-pod`, v4: "10.77.0.2", v6: "fd77::2" };
const stranger = { name: `heddle-test-${process.pid}-out`, v4: "10.77.0.1", v6: "fd77::1" };
type Side = typeof pod;

const proxyUid = 1337;
const applicationUid = 1000;
const servers: ChildProcess[] = [];

/** Listens where it is told and says to each caller which listener it reached, and from which address. */
const serverCode = `
  const listeners = JSON.parse(process.argv[1]);
  let waiting = listeners.length;
  for (const { host, port, says } of listeners)
    require("net").createServer((socket) => {
      socket.on("error", () => {});
      socket.end(says + " " + socket.remoteAddress.replace("::ffff:", ""));
    }).listen({ host, port, ipv6Only: host === "::" }, () => --waiting || console.log("ready"));`;

const clientCode = `
  const [host, port, localAddress, patience] = process.argv.slice(1);
  const options = { host, port: Number(port), ...(localAddress && { localAddress }) };
  const socket = require("net").connect(options);
  let text = "";
  socket.setTimeout(Number(patience), () => { console.log("timeout"); process.exit(); });
  socket.on("data", (chunk) => (text += chunk));
  socket.on("error", (error) => { console.log(error.code); process.exit(); });
  socket.on("close", () => console.log(text || "closed"));`;

function commandIn(side: Side, uid: number, code: string, ...words: string[]): readonly [string, string[]] {
  const user = [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
  return ["ip", ["netns", "exec", side.name, "setpriv", ...user, process.execPath, "-e", code, ...words]];
}

async function serve(side: Side, uid: number, listeners: readonly object[]): Promise<void> {
  const [command, words] = commandIn(side, uid, serverCode, JSON.stringify(listeners));
  const server = spawn(command, words, { stdio: ["ignore", "pipe", "inherit"] });
  servers.push(server);
  assert.ok(server.stdout);
  const failed = once(server, "exit").then(() => assert.fail(`the listeners in ${side.name} do not start`));
  await Promise.race([once(server.stdout, "data"), failed]);
  failed.catch(() => {});
}

async function dial(
  side: Side,
  uid: number,
  host: string,
  port: number,
  { from = "", patienceMs = 30_000 } = {},
): Promise<string> {
  const words = [host, String(port), from, String(patienceMs)];
  const { stdout } = await run(...commandIn(side, uid, clientCode, ...words));
  return stdout.trim();
}

function intercept(interception: Partial<Interception>): void {
  const rules = interceptionRules({ ...interceptEverything, ...interception });
  execFileSync("ip", ["netns", "exec", pod.name, "nft", rules]);
}

function listRules(): string {
  return execFileSync("ip", ["netns", "exec", pod.name, "nft", "list", "ruleset"]).toString();
}

const ip = (...words: string[]) => execFileSync("ip", words);

before(async () => {
  for (const side of [pod, stranger]) ip("netns", "add", side.name);
  ip(
    "link",
    "add",
    "eth0",
    "netns",
    pod.name,
    "type",
    "veth",
    "peer",
    "name",
    "eth0",
    "netns",
    stranger.name,
  );
  for (const side of [pod, stranger]) {
    ip("-n", side.name, "address", "add", `${side.v4}/24`, "dev", "eth0");
    ip("-n", side.name, "address", "add", `${side.v6}/64`, "dev", "eth0", "nodad");
    for (const device of ["lo", "eth0"]) ip("-n", side.name, "link", "set", device, "up");
  }
  await serve(pod, proxyUid, [
    { host: "127.0.0.1", port: 15001, says: "outbound" },
    { host: "0.0.0.0", port: 15006, says: "inbound" },
    { host: "0.0.0.0", port: 15021, says: "health" },
  ]);
  await serve(pod, applicationUid, [
    { host: "0.0.0.0", port: 8080, says: "application" },
    { host: "0.0.0.0", port: 9090, says: "application" },
    { host: "::", port: 8080, says: "application" },
  ]);
  await serve(stranger, 0, [
    { host: "0.0.0.0", port: 80, says: "stranger" },
    { host: "0.0.0.0", port: 3306, says: "stranger" },
    { host: "0.0.0.0", port: 15001, says: "stranger" },
    { host: "::", port: 80, says: "stranger" },
  ]);
});

after(async () => {
  for (const server of servers) {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
  }
  for (const side of [pod, stranger]) ip("netns", "delete", side.name);
});

describe("a pod whose whole traffic is captured", () => {
  before(() => intercept({}));

  test("any TCP port that a stranger dials is answered by the proxy", async () => {
    assert.equal(await dial(stranger, 0, pod.v4, 8080), `inbound ${stranger.v4}`);
    assert.equal(await dial(stranger, 0, pod.v4, 1), `inbound ${stranger.v4}`);
  });

  test("the health port is reached directly", async () => {
    assert.equal(await dial(stranger, 0, pod.v4, 15021), `health ${stranger.v4}`);
  });

  test("whatever the application dials is answered by the proxy, whoever the application runs as", async () => {
    for (const uid of [applicationUid, 0]) {
      assert.match(await dial(pod, uid, stranger.v4, 80), /^outbound /);
      assert.match(await dial(pod, uid, stranger.v4, 81), /^outbound /);
      assert.match(await dial(pod, uid, stranger.v4, 15001), /^outbound /);
      assert.match(await dial(pod, uid, pod.v4, 8080), /^outbound /);
    }
  });

  test("the proxy itself gets out", async () => {
    assert.equal(await dial(pod, proxyUid, stranger.v4, 80), `stranger ${pod.v4}`);
  });

  test("the proxy that calls its own pod meets the inbound side", async () => {
    assert.match(await dial(pod, proxyUid, pod.v4, 8080), /^inbound /);
  });

  test("the proxy's inbound side reaches the application at the address that the caller dialled", async () => {
    assert.equal(await dial(pod, proxyUid, pod.v4, 8080, { from: "127.0.0.6" }), "application 127.0.0.6");
  });

  test("the application cannot pretend to be the inbound side towards others", async () => {
    const pretended = { from: "127.0.0.6", patienceMs: 1_500 };
    assert.doesNotMatch(await dial(pod, applicationUid, stranger.v4, 80, pretended), /^stranger/);
  });

  test("loopback is left alone", async () => {
    assert.equal(await dial(pod, applicationUid, "127.0.0.1", 8080), "application 127.0.0.1");
  });

  test("whoever dials the proxy's own ports gets nothing", async () => {
    for (const port of [15001, 15006]) {
      assert.equal(await dial(stranger, 0, pod.v4, port), "ECONNREFUSED");
      assert.equal(await dial(pod, applicationUid, "127.0.0.1", port), "ECONNREFUSED");
      assert.equal(await dial(pod, applicationUid, pod.v4, port), "ECONNREFUSED");
      assert.equal(await dial(pod, proxyUid, pod.v4, port), "ECONNREFUSED");
      assert.equal(await dial(pod, proxyUid, pod.v4, port, { from: "127.0.0.6" }), "ECONNREFUSED");
    }
  });

  test("packets that claim to be for loopback come to nobody, who would else be dialled there by the proxy", async () => {
    const claimed = "10.77.0.9";
    ip("-n", stranger.name, "route", "add", claimed, "via", pod.v4);
    const rewriting = `table ip claim {
      chain sent { type filter hook postrouting priority 300; ip daddr ${claimed} ip daddr set 127.0.0.1; }
      chain received { type filter hook prerouting priority -400; iifname eth0 ip saddr 127.0.0.1 ip saddr set ${claimed}; }
    }`;
    execFileSync("ip", ["netns", "exec", stranger.name, "nft", rewriting]);
    assert.equal(await dial(stranger, 0, claimed, 8080), "timeout");
    execFileSync("ip", ["netns", "exec", stranger.name, "nft", "delete table ip claim"]);
  });

  test("IPv6 is refused at once in both directions, and loopback is not", async () => {
    assert.equal(await dial(stranger, 0, pod.v6, 8080), "ECONNREFUSED");
    for (const uid of [applicationUid, proxyUid]) {
      assert.equal(await dial(pod, uid, stranger.v6, 80), "ECONNREFUSED");
    }
    assert.equal(await dial(pod, applicationUid, "::1", 8080), "application ::1");
    assert.equal(await dial(stranger, 0, stranger.v6, 80), `stranger ${stranger.v6}`);
  });

  test("a refusal is one packet, not an exchange of resets", async () => {
    const resets = () => {
      const snmp = execFileSync("ip", ["netns", "exec", stranger.name, "cat", "/proc/net/snmp"]).toString();
      const [names = [], values = []] = [...snmp.matchAll(/^Tcp: (.*)$/gm)].map((match) =>
        match[1]?.split(" "),
      );
      const of = (name: string) => Number(values[names.indexOf(name)]);
      return { received: of("InSegs"), sent: of("OutSegs"), resetsSent: of("OutRsts") };
    };
    // The last words of earlier connections may still be under way.
    let earlier = resets();
    await until(async () => {
      const last = earlier;
      await sleep(200);
      earlier = resets();
      return isDeepStrictEqual(earlier, last);
    }, "silence");
    assert.equal(await dial(stranger, 0, pod.v6, 8080), "ECONNREFUSED");
    const later = resets();
    assert.equal(later.resetsSent, earlier.resetsSent);
    assert.equal(later.received - earlier.received, 1);
  });

  test("applying the rules once more changes nothing", async () => {
    const first = listRules();
    intercept({});
    assert.equal(listRules(), first);
  });
});

describe("a pod with exclusions", () => {
  test("excluded inbound ports reach the application directly, from outside and from the proxy", async () => {
    intercept({ excludeInboundPorts: [9090] });
    assert.equal(await dial(stranger, 0, pod.v4, 9090), `application ${stranger.v4}`);
    assert.equal(await dial(pod, proxyUid, pod.v4, 9090), `application ${pod.v4}`);
    assert.match(await dial(stranger, 0, pod.v4, 8080), /^inbound /);
  });

  test("with a list of inbound ports only those are captured", async () => {
    intercept({ includeInboundPorts: [8080] });
    assert.match(await dial(stranger, 0, pod.v4, 8080), /^inbound /);
    assert.equal(await dial(stranger, 0, pod.v4, 9090), `application ${stranger.v4}`);
    intercept({ includeInboundPorts: [] });
    assert.equal(await dial(stranger, 0, pod.v4, 8080), `application ${stranger.v4}`);
    assert.equal(await dial(stranger, 0, pod.v4, 15006), "ECONNREFUSED");
  });

  test("excluded outbound ports and ranges go out directly", async () => {
    intercept({ excludeOutboundPorts: [3306] });
    assert.equal(await dial(pod, applicationUid, stranger.v4, 3306), `stranger ${pod.v4}`);
    assert.match(await dial(pod, applicationUid, stranger.v4, 80), /^outbound /);
    intercept({ excludeOutboundRanges: ["10.77.0.0/24", "10.77.0.1"] });
    assert.equal(await dial(pod, applicationUid, stranger.v4, 80), `stranger ${pod.v4}`);
    intercept({ excludeOutboundRanges: ["0.0.0.0/0"] });
    assert.equal(await dial(pod, applicationUid, stranger.v4, 80), `stranger ${pod.v4}`);
  });

  test("with a list of outbound ranges only those are captured, and the included ports", async () => {
    intercept({ includeOutboundRanges: ["192.0.2.0/24"], includeOutboundPorts: [3306] });
    assert.equal(await dial(pod, applicationUid, stranger.v4, 80), `stranger ${pod.v4}`);
    assert.match(await dial(pod, applicationUid, stranger.v4, 3306), /^outbound /);
    intercept({ includeOutboundRanges: ["10.77.0.1/32"] });
    assert.match(await dial(pod, applicationUid, stranger.v4, 80), /^outbound /);
  });
});
