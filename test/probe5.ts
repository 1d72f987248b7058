import net from "node:net"; import tls from "node:tls"; import http from "node:http";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { startAds, ads as mk } from "#test/helpers/ads.ts";
import { startEnvoy } from "#test/helpers/envoy.ts";
import { adsBootstrap, milliseconds } from "#test/helpers/config.ts";
import { createAuthority } from "#test/helpers/certificates.ts";
import { startEcho, request, http2Session, request2, grpcExchange, websocketEcho, readUntil } from "#test/helpers/http.ts";
import * as o from "./envoy-contract/outbound.ts"; import * as m from "./envoy-contract/mutual-tls.ts";
import { setTimeout as sleep } from "node:timers/promises";
const pods = await createPodNetwork();
const a = await pods.pod("10.244.0.2"), b = await pods.pod("10.244.0.3"), c = await pods.pod("10.244.0.4");
a.run("nft", ["-f", "-"], m.sidecarRules); b.run("nft", ["-f", "-"], m.sidecarRules);
startEcho(await b.listen(8080), "B"); startEcho(await b.listen(8081, "127.0.0.1"), "B-private"); startEcho(await c.listen(8080), "C");
for (const p of [3306, 5000]) net.createServer(s => { s.write("220 hello\r\n"); s.on("data", d => s.write("got " + d)); s.on("error",()=>{}); }).listen(await b.listen(p));
const ca = await createAuthority();
const certA = await ca.issue({ uri: "spiffe://cluster.local/ns/default/sa/a", dns: ["a.default.workload.heddle"] });
const certB = await ca.issue({ uri: "spiffe://cluster.local/ns/default/sa/b", dns: ["b.default.workload.heddle"] });
const appTls = await ca.issue({ dns: ["b"] });
tls.createServer({ cert: appTls.chain, key: appTls.key }, s => { s.write("own tls\n"); s.on("error",()=>{}); }).listen(await b.listen(8443));
const eps: any = { "10.96.0.1:80": [{ meshed: "10.244.0.3:8080" }], "10.96.0.2:80": ["10.244.0.4:8080"], "10.96.0.3:80": [{ meshed: "10.244.0.3:8080" }, "10.244.0.4:8080"], "10.96.0.4:3306": [{ meshed: "10.244.0.3:3306" }], "10.96.0.4:5000": [{ meshed: "10.244.0.3:5000" }], "10.96.0.5:443": [{ meshed: "10.244.0.3:8443" }] };
const adsA = await startAds((type, name) => {
  if (type === "listener") return [o.outboundListener(), m.inboundListener()];
  if (type === "routes") return [o.outboundRoutes];
  if (type === "secret") return m.secrets(certA, ca.root).filter(r => r.resource.name === name);
  if (type === "cluster") return name === "*" ? [o.outsideCluster, m.inboundCluster] : [o.edsCluster(name, m.mixedTransport(name.startsWith("tcp") ? "tcp" : "http"))];
  if (type === "endpoints") return [o.endpoints(name, ...eps[name.split("|")[1]!])];
  if (type === "virtualHost") { if (name === "*") return undefined; const d = name.slice(9); return [o.virtualHost({ destination: d, domains: ["s" + d.replaceAll(/[.:]/g, "-")] })]; }
  return [];
});
const adsB = await startAds((type, name) => {
  if (type === "listener") return [m.inboundListener()];
  if (type === "secret") return m.secrets(certB, ca.root).filter(r => r.resource.name === name);
  if (type === "cluster") return name === "*" ? [m.inboundCluster] : [];
  return [];
});
const ea = await startEnvoy(adsBootstrap(adsA.path), { namespace: a }), eb = await startEnvoy(adsBootstrap(adsB.path), { namespace: b });
const T = async (what: string, f: () => Promise<any>) => { const t = performance.now(); try { const r = await f(); console.log(what, (performance.now()-t).toFixed(0)+"ms", r?.status ? r.status + " " + r.body : r); } catch (e: any) { console.log(what, (performance.now()-t).toFixed(0)+"ms", "ERR", e.message); } };
try {
  await ea.listening("outbound").catch(e => console.log(e)); await eb.listening("inbound").catch(e => console.log(e));
  for (const n of [1,2]) await T("h1 mtls", async () => request(await a.connect("10.96.0.1", 80), { headers: { host: "s10-96-0-1-80", "x-forwarded-client-cert": "By=evil;URI=spiffe://cluster.local/ns/x/sa/evil", connection: "close" } }));
  for (const n of [1,2]) { const s = http2Session(await a.connect("10.96.0.1", 80)); await T("h2 mtls", () => request2(s, { authority: "foo", method: "POST", body: "hey" })); await T("grpc", () => grpcExchange(s, "foo", ["a","b","c"])); s.destroy(); }
  await T("ws", async () => websocketEcho(await a.connect("10.96.0.1", 80), "x", "hello"));
  await T("plaintext endpoint", async () => request(await a.connect("10.96.0.2", 80), { headers: { host: "x", connection: "close" } }));
  const who: any = {}; for (let i = 0; i < 10; i++) { const r = await request(await a.connect("10.96.0.3", 80), { headers: { host: "x", connection: "close" } }); const e = r.echo(); who[e.app + " " + (e.headers["x-forwarded-client-cert"] ? "mtls" : "plain")] = (who[e.app + " " + (e.headers["x-forwarded-client-cert"] ? "mtls" : "plain")] ?? 0) + 1; } console.log("mixed", who);
  for (const n of [1,2]) await T("tcp server-first declared mtls", async () => { const s = await a.connect("10.96.0.4", 3306); const r = await readUntil(s, "\n"); s.write("x"); const q = await readUntil(s, "got x"); s.destroy(); return r.trim() + q; });
  for (const n of [1,2]) await T("tcp server-first undeclared mtls", async () => { const s = await a.connect("10.96.0.4", 5000); const r = await readUntil(s, "\n"); s.destroy(); return r.trim(); });
  await T("app's own TLS inside mtls", async () => { const s = await a.connect("10.96.0.5", 443); const t = tls.connect({ socket: s, ca: ca.root, servername: "b" }); const r = await readUntil(t as any, "\n"); t.destroy(); return r.trim(); });
  await T("app's own TLS direct from unmeshed", async () => { const s = await c.connect("10.244.0.3", 8443); const t = tls.connect({ socket: s, ca: ca.root, servername: "b" }); const r = await readUntil(t as any, "\n"); t.destroy(); return r.trim(); });
  await T("unmeshed plaintext http", async () => request(await c.connect("10.244.0.3", 8080), { headers: { host: "x", connection: "close", "x-forwarded-client-cert": "By=evil;URI=spiffe://cluster.local/ns/x/sa/evil" } }));
  { const s = http2Session(await c.connect("10.244.0.3", 8080)); await T("unmeshed plaintext h2c", () => request2(s, { authority: "foo" })); await T("unmeshed grpc", () => grpcExchange(s, "foo", ["a","b","c"])); s.destroy(); }
  await T("unmeshed server-first declared", async () => { const s = await c.connect("10.244.0.3", 3306); const r = await readUntil(s, "\n"); s.destroy(); return r.trim(); });
  await T("unmeshed server-first undeclared", async () => { const s = await c.connect("10.244.0.3", 5000); const r = await readUntil(s, "\n"); s.destroy(); return r.trim(); });
  await T("loopback-only listener from outside", async () => request(await c.connect("10.244.0.3", 8081), { headers: { host: "x", connection: "close" } }));
  await T("own pod address from app", async () => request(await b.connect("10.244.0.3", 8080), { headers: { host: "x", connection: "close" } }));
  await T("loopback from app", async () => request(await b.connect("127.0.0.1", 8081), { headers: { host: "x", connection: "close" } }));
  await T("dial 15006 http", async () => request(await c.connect("10.244.0.3", 15006), { headers: { host: "x", connection: "close" } }));
  await T("dial 15006 loopback", async () => request(await b.connect("127.0.0.1", 15006), { headers: { host: "x", connection: "close" } }));
  await T("dial 15006 silent", async () => readUntil(await c.connect("10.244.0.3", 15006), "\n"));
  await T("tls heddle-http without certificate", () => new Promise((res, rej) => { c.connect("10.244.0.3", 8080).then(s => { const t = tls.connect({ socket: s, rejectUnauthorized: false, ALPNProtocols: ["heddle-http"] }); t.on("error", rej); t.on("secureConnect", () => t.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")); t.on("data", d => res(String(d))); t.on("close", () => rej(new Error("closed"))); }); }));
  const other = await createAuthority("other"); const bad = await other.issue({ uri: "spiffe://cluster.local/ns/x/sa/y" });
  await T("tls heddle-http with foreign certificate", () => new Promise((res, rej) => { c.connect("10.244.0.3", 8080).then(s => { const t = tls.connect({ socket: s, rejectUnauthorized: false, ALPNProtocols: ["heddle-http"], cert: bad.chain, key: bad.key }); t.on("error", rej); t.on("secureConnect", () => t.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")); t.on("data", d => res(String(d))); t.on("close", () => rej(new Error("closed"))); }); }));
  await T("tls heddle-http with good certificate, 1.2 max", () => new Promise((res, rej) => { c.connect("10.244.0.3", 8080).then(s => { const t = tls.connect({ socket: s, rejectUnauthorized: false, maxVersion: "TLSv1.2", ALPNProtocols: ["heddle-http"], cert: certA.chain, key: certA.key }); t.on("error", rej); t.on("secureConnect", () => t.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")); t.on("data", d => res(String(d))); t.on("close", () => rej(new Error("closed"))); }); }));
  await T("tls heddle-http with good certificate", () => new Promise((res, rej) => { c.connect("10.244.0.3", 8080).then(s => { const t = tls.connect({ socket: s, rejectUnauthorized: false, ALPNProtocols: ["heddle-http"], cert: certA.chain, key: certA.key }); t.on("error", rej); t.on("secureConnect", () => { console.log(t.getProtocol(), t.getCipher().name, t.alpnProtocol); t.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");}); t.on("data", d => res(String(d))); t.on("close", () => rej(new Error("closed"))); }); }));
  console.log(await ea.admin("/stats?filter=ssl.*(versions|ciphers|curves)"));
} finally {
  console.log("nacks", adsA.events.filter(e => e.kind === "nack"), adsB.events.filter(e => e.kind === "nack"));
  console.log("A", ea.output().split("\n").slice(-30).join("\n")); console.log("B", eb.output().split("\n").slice(-30).join("\n"));
  await ea.stop(); await eb.stop(); await adsA.dispose(); await adsB.dispose(); await pods.close();
}
process.exit(0);
