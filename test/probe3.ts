import { createPodNetwork } from "#test/helpers/namespace.ts";
import { create } from "@bufbuild/protobuf"; import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { startAds, ads as mk } from "#test/helpers/ads.ts";
import { startEnvoy } from "#test/helpers/envoy.ts";
import { adsBootstrap, milliseconds } from "#test/helpers/config.ts";
import { startEcho, request, http2Session, request2, grpcExchange, websocketEcho, readUntil } from "#test/helpers/http.ts";
import * as o from "./envoy-contract/outbound.ts";
import { setTimeout as sleep } from "node:timers/promises";
const pods = await createPodNetwork();
const pod = await pods.pod("10.244.0.2");
pod.run("nft", ["-f", "-"], o.outboundRules);
startEcho(await pod.listen(8080), "A"); 
const exist = new Set(["10.96.0.1:80", "10.96.0.3:80"]);
let empty = false;
const ads = await startAds((type, name) => {
  if (type === "listener") return [o.outboundListener({manager: {commonHttpProtocolOptions: {maxStreamDuration: milliseconds(1000)}}})];
  if (type === "routes") return [o.outboundRoutes];
  if (type === "cluster") { if (name === "*") return [o.outsideCluster]; return exist.has(name.split("|")[1]!) ? [o.edsCluster(name)] : []; }
  if (type === "endpoints") return [o.endpoints(name, "127.0.0.1:8080")];
  if (type === "virtualHost") {
    if (name === "*") return undefined;
    const dst = name.slice("outbound/".length);
    return exist.has(dst) ? [o.virtualHost({ destination: dst, domains: ["s" + dst.replaceAll(/[.:]/g, "-")] })] : empty ? [{type, resource: create(ResourceSchema, {name, version: "e", aliases: [name]})}] : [];
  }
  return [];
});
const envoy = await startEnvoy(adsBootstrap(ads.path), { namespace: pod });
const T = async (what: string, f: () => Promise<unknown>) => { const t = performance.now(); const n = ads.events.length; try { const r = await f(); console.log(what, (performance.now()-t).toFixed(0)+"ms", r); } catch (e: any) { console.log(what, (performance.now()-t).toFixed(0)+"ms", "ERR", e.message); } await sleep(50); console.log("   ", JSON.stringify(ads.events.slice(n).map(e => [e.kind, (e as any).type, (e as any).names, (e as any).message].filter(Boolean)))); };
const get = (dst: string, host = "x") => async () => { const r = await request(await pod.connect(dst.split(":")[0]!, Number(dst.split(":")[1])), { headers: { host, connection: "close" }}); return r.status + (r.status === 200 ? "" : r.body); };
try {
  await envoy.listening("outbound");
  const canon = "s10-96-0-1-80", d = "10.96.0.1:80", vh = "outbound/"+d;
  await T("first", get(d));
  ads.send([], [{ type: "virtualHost", name: vh }]); exist.delete(d); await sleep(100);
  await T("after VH removal", get(d)); await T("after VH removal 2", get(d, canon));
  await T("push back", async () => { ads.send([o.virtualHost({destination: d, domains: [canon]})]); await sleep(100); return await get(d)(); });
  ads.send([{type: "virtualHost", resource: create(ResourceSchema, {name: vh, version: "e", aliases: [vh]})}]); await sleep(100);
  await T("after VH emptied", get(d)); await T("after VH emptied canon", get(d, canon));
  await T("push back", async () => { ads.send([o.virtualHost({destination: d, domains: [canon]})]); await sleep(100); return await get(d)(); });
  ads.send([], [{type: "cluster", name: "http|"+d}]); await sleep(100);
  await T("after cluster removal", get(d)); await T("after cluster removal", get(d));
  await T("push cluster back", async () => { ads.send([o.edsCluster("http|"+d)]); await sleep(300); return await get(d)(); });
  empty = true;
  const e = "10.96.0.2:80";
  await T("never existed, empty answer", get(e)); await T("again", get(e));
  await T("then made", async () => { ads.send([o.virtualHost({destination: e, domains: ["zz"]})]); exist.add(e); await sleep(100); return await get(e)(); });
  empty = false;
  const g = "10.96.0.4:80";
  await T("never existed, removed answer", get(g)); await T("again", get(g));
  await T("then made", async () => { ads.send([o.virtualHost({destination: g, domains: ["zzg"]})]); exist.add(g); await sleep(100); return await get(g)(); });
  // pushed unasked (learned)
  const h = "10.96.0.3:80"; ads.send([o.edsCluster("http|"+h), o.endpoints("http|"+h, "127.0.0.1:8080"), o.virtualHost({destination: h, domains: ["learned"]})]); await sleep(200);
  await T("learned by own host", get(h, "learned")); await T("learned by other host", get(h, "zzz"));
  // waiting request when the push comes
  const w = get("10.96.0.9:80")(); 
  // reconnect
  ads.disconnect(); await sleep(1000); await T("after reconnect", get(h));
  console.log(JSON.stringify(ads.events.filter(e => e.stream === 2 && e.kind === "subscribe"), null, 0)); console.log(await w);
  await T("evict: remove VH+cluster of h, unasked by Envoy", async () => { ads.send([], [{type:"virtualHost", name: "outbound/"+h}, {type: "cluster", name: "http|"+h}]); await sleep(100); return get(h)(); });
} finally {
  console.log("nacks", ads.events.filter(e => e.kind === "nack"));
  const out = envoy.output(); console.log(out.split("\n").slice(-30).join("\n"));
  await envoy.stop(); await ads.dispose(); await pods.close();
}
process.exit(0);
