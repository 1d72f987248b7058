import net from "node:net";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { startAds, ads as mk } from "#test/helpers/ads.ts";
import { startEnvoy } from "#test/helpers/envoy.ts";
import { adsBootstrap, milliseconds } from "#test/helpers/config.ts";
import { startEcho, request, http2Session, request2, grpcExchange, websocketEcho, readUntil } from "#test/helpers/http.ts";
import * as o from "./envoy-contract/outbound.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterLoadAssignmentSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
const pods = await createPodNetwork();
const pod = await pods.pod("10.244.0.2"); const other = await pods.pod("10.244.0.3");
pod.run("nft", ["-f", "-"], o.outboundRules);
startEcho(await pod.listen(8080), "A", (q, r, e) => { setTimeout(() => r.end(JSON.stringify(e)), q.url === "/slow" ? 3000 : 0); }); 
net.createServer(s => { s.write("220 hello\r\n"); s.on("data", d => s.write("got " + d)); s.on("error",()=>{}); }).listen(await pod.listen(3306));
for (const p of [9001, 9002]) net.createServer(s => { s.once("data", d => s.end("from " + p)); s.on("error",()=>{}); }).listen(await pod.listen(p));
net.createServer(s => { s.write("outside\r\n"); s.on("error",()=>{}); }).listen(await other.listen(7000));
other.run("ip", ["address", "add", "192.0.2.1/32", "dev", "lo"]);
pods.node.run("ip", ["route","add","192.0.2.1","via","10.244.0.3"]); pods.node.run("sysctl", ["-qw","net.ipv4.ip_forward=1"]);
let weighted: any = { cl: "", w: [3,1] };
const ads = await startAds((type, name) => {
  if (type === "listener") return [o.outboundListener({manager: {commonHttpProtocolOptions: {maxStreamDuration: milliseconds(2000)}}})];
  if (type === "routes") return [o.outboundRoutes];
  if (type === "cluster") { if (name === "*") return [o.outsideCluster]; if (name.includes("10.96.66")) return undefined; if (name.includes("10.96.77")) return []; return [o.edsCluster(name, { altStatName: "tcp_alt", ...(name.includes("10.96.5.") ? { commonLbConfig: { localityConfigSpecifier: { case: "localityWeightedLbConfig", value: {} } }, loadBalancingPolicy: undefined } : {}) })]; }
  if (type === "endpoints") { if (name.includes("10.96.5.")) return [mk("endpoints", ClusterLoadAssignmentSchema, { clusterName: name, endpoints: [9001, 9002].map((port, i) => ({ locality: { region: String(port) }, loadBalancingWeight: [9, 1][i]!, lbEndpoints: [{ loadBalancingWeight: 1, hostIdentifier: { case: "endpoint", value: { address: { address: { case: "socketAddress", value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } } } } } } }] })) })];
    return [o.endpoints(name, name.startsWith("http") ? "127.0.0.1:8080" : "127.0.0.1:3306")]; }
  if (type === "virtualHost") {
    if (name === "*") return undefined;
    const dst = name.slice("outbound/".length);
    return [o.virtualHost({ destination: dst, domains: ["s" + dst.replaceAll(/[.:]/g, "-")] })];
  }
  return [];
});
const envoy = await startEnvoy(adsBootstrap(ads.path), { namespace: pod });
const T = async (what: string, f: () => Promise<unknown>) => { const t = performance.now(); try { const r = await f(); console.log(what, (performance.now()-t).toFixed(0)+"ms", r); } catch (e: any) { console.log(what, (performance.now()-t).toFixed(0)+"ms", "ERR", e.message); } };
try {
  await envoy.listening("outbound");
  const slow = (async()=>(await request(await pod.connect("10.96.0.1", 80), {path:"/slow", headers:{host:"a"}})).status);
  await Promise.all([T("slow first (lua)", slow), T("slow ws", async () => { const s = await pod.connect("10.96.0.2", 80); await websocketEcho(s, "x", "a"); await sleep(3000); s.write("b"); return readUntil(s, "b"); })]);
  await T("slow later", slow);
  await T("slow canonical", async()=>(await request(await pod.connect("10.96.0.1", 80), {path:"/slow", headers:{host:"s10-96-0-1-80"}})).status);
  for (const n of [1,2]) await T("server-first known port " + n, async () => { const s = await pod.connect("10.96.3.1", 3306); const r = await readUntil(s, "\n"); s.destroy(); return r; });
  for (const n of [1,2]) await T("server-first undeclared port " + n, async () => { const s = await pod.connect("10.96.3.1", 5000); const r = await readUntil(s, "\n"); s.destroy(); return r; });
  for (const n of [1,2]) await T("client-first not http " + n, async () => { const s = await pod.connect("10.96.3.2", 5001); s.write("hey\n"); const r = await readUntil(s, "hey"); s.destroy(); return r; });
  for (const n of [1,2]) await T("client-first TLS hello " + n, async () => { const s = await pod.connect("10.96.3.2", 5002); s.write(Buffer.from("160301020001000001fc0303","hex")); const r = await readUntil(s, "got"); s.destroy(); return r; });
  const count: any = {}; for (let i = 0; i < 60; i++) { const s = await pod.connect("10.96.5.1", 5000); s.write("hey\n"); const r = (await readUntil(s, "90")) ; s.destroy(); const k = r; count[k] = (count[k] ?? 0) + 1; } console.log("weighted", count);
  await T("outside", async () => { const s = await pod.connect("192.0.2.1", 7000); const r = await readUntil(s, "\n"); s.destroy(); return r; });
  await T("15001 itself by pod address", async () => { const s = await pod.connect("10.244.0.2", 15001); return readUntil(s, "\n"); });
  await T("15001 itself by loopback", async () => { const s = await pod.connect("127.0.0.1", 15001); s.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"); return readUntil(s, "\n"); });
  await T("tcp cluster unanswered", async () => { const s = await pod.connect("10.96.66.1", 3306); return readUntil(s, "\n"); });
  await T("tcp cluster absent", async () => { const s = await pod.connect("10.96.77.1", 3306); return readUntil(s, "\n"); });
  await T("tcp cluster absent again", async () => { const s = await pod.connect("10.96.77.1", 3306); return readUntil(s, "\n"); });
  console.log((await envoy.admin("/stats?filter=tcp_alt.*cx_total|tcp..10.*cx_total")));
  console.log("clusters", ads.subscribed("cluster").join(" "));
} finally {
  console.log("nacks", ads.events.filter(e => e.kind === "nack"));
  const out = envoy.output(); console.log(out.split("\n").slice(-30).join("\n"));
  await envoy.stop(); await ads.dispose(); await pods.close();
}
process.exit(0);
