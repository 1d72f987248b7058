import { ExpressionFilterSchema } from "@heddle/envoy-api/envoy/extensions/access_loggers/filters/cel/v3/cel";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { startAds } from "#test/helpers/ads.ts";
import { startEnvoy } from "#test/helpers/envoy.ts";
import { adsBootstrap, milliseconds, any } from "#test/helpers/config.ts";
import { startEcho, request, http2Session, request2, grpcExchange, websocketEcho, readUntil } from "#test/helpers/http.ts";
import { create } from "@bufbuild/protobuf"; import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import * as o from "./envoy-contract/outbound.ts";
const net = await createPodNetwork();
const pod = await net.pod("10.244.0.2");
pod.run("nft", ["-f", "-"], o.outboundRules);
startEcho(await pod.listen(8080), "A"); 
const svc: Record<string,string> = {"10.96.0.1:80":"web","10.96.0.1:81":"web81","10.96.0.2:80":"api","10.96.0.3:80":"b3","10.96.0.4:80":"b4","10.96.0.5:80":"b5","10.96.0.6:80":"b6","10.96.0.7:80":"b7","10.96.0.8:80":"b8"};
const silent = "10.96.9.9:80";
let together = false;
const ads = await startAds((type, name) => {
  if (type === "listener") return [o.outboundListener({manager: {commonHttpProtocolOptions: {maxStreamDuration: milliseconds(2000)}, localReplyConfig: { mappers: [{
    filter: { filterSpecifier: { case: "extensionFilter", value: { name: "cel", configType: { case: "typedConfig", value: any(ExpressionFilterSchema, { expression: "response.code_details == 'max_duration_timeout'" }) } } } },
    statusCode: 503,
    bodyFormatOverride: { format: { case: "textFormatSource", value: { specifier: { case: "inlineString", value: "heddle: the control plane did not answer for %REQ(x-heddle-dst)% (%REQ(x-heddle-authority)%)\n" } } } },
    headersToAdd: [{ header: { key: "x-heddle-reason", value: "no-configuration" } }],
  }] } }})];
  if (type === "routes") return [o.outboundRoutes];
  if (type === "cluster") return name === "*" ? [o.outsideCluster] : together ? undefined : [o.edsCluster(name)];
  if (type === "endpoints") return together ? undefined : [o.endpoints(name, "127.0.0.1:8080")];
  if (type === "virtualHost") {
    if (name === "*") return undefined;
    const dst = name.slice("outbound/".length); const s = svc[dst];
    if (dst === silent) return undefined;
    if (dst.startsWith("10.96.6.")) return [{type: "virtualHost", resource: create(ResourceSchema, {name, version: "1", aliases: [name]})}];
    if (!s) return [];
    const vh = o.virtualHost({ destination: dst, domains: [s, s + ".shop", s + ".shop.svc.cluster.local"] });
    return together ? [o.edsCluster("http|"+dst), o.endpoints("http|"+dst, "127.0.0.1:8080"), vh] : [vh];
  }
  return [];
});
const envoy = await startEnvoy(adsBootstrap(ads.path), { namespace: pod });
const show = async (what: string, p: Promise<unknown>) => { const t = performance.now(); try { const r: any = await p; console.log(what, (performance.now()-t).toFixed(0)+"ms", r.status ?? "", r.status === 200 ? (({app,method,headers,bytes,httpVersion}) => JSON.stringify({app,method,host:headers.host ?? headers[":authority"],bytes,httpVersion, heddle: Object.keys(headers).filter(k=>k.startsWith("x-heddle"))}))(r.echo()) : JSON.stringify(r.body ?? r), r.informational ?? ""); } catch (e) { console.log(what, "FAILED", e); } };
try {
  await envoy.listening("outbound");
  const c = (dst: string) => pod.connect(dst.split(":")[0]!, Number(dst.split(":")[1]));
  const get = async (dst: string, host: string, more = {}) => request(await c(dst), { headers: { host, connection: "close" }, ...more });
  const big = Buffer.alloc(4 << 20, "x");
  await show("GET first right host", get("10.96.0.1:80", "web"));
  await show("GET later", get("10.96.0.1:80", "web"));
  await show("GET wrong host", get("10.96.0.1:80", "public.example.com"));
  await show("GET port 81 first", get("10.96.0.1:81", "web81"));
  await show("GET api by host of web first", get("10.96.0.2:80", "web"));
  await show("GET api by host of web later", get("10.96.0.2:80", "web"));
  await show("forged", get("10.96.0.2:80", "web", {headers:{host:"web", connection:"close", "x-heddle-dst":"10.96.0.1:80","x-heddle-miss":"1","x-heddle-authority":"evil"}}));
  await show("POST 4MB first", get("10.96.0.3:80", "b3", { method: "POST", body: big }));
  await show("POST 4MB first unknown host", get("10.96.0.4:80", "zzz", { method: "POST", body: big, chunked: true }));
  await show("POST 4MB later unknown host", get("10.96.0.4:80", "zzz", { method: "POST", body: big, chunked: true }));
  await show("Expect first", get("10.96.0.5:80", "b5", { method: "POST", body: "hello", headers: {host: "b5", expect: "100-continue", connection: "close"} }));
  const s6 = http2Session(await c("10.96.0.6:80"));
  await show("HTTP/2 POST first", request2(s6, { method: "POST", body: big, authority: "b6" }));
  await show("HTTP/2 POST later", request2(s6, { method: "POST", body: big, authority: "other" }));
  s6.destroy();
  const s7 = http2Session(await c("10.96.0.7:80"));
  await show("gRPC first", grpcExchange(s7, "b7", ["a", "b", "c"]));
  await show("gRPC later", grpcExchange(s7, "b7", ["a", "b", "c"])); s7.destroy();
  const w = await c("10.96.0.8:80"); await show("ws first", websocketEcho(w, "b8", "hello ws")); w.destroy();
  together = true; svc["10.96.1.1:80"] = "t1"; svc["10.96.1.2:80"]="t2"; svc["10.96.1.3:80"]="t3";
  const n0 = ads.events.length;
  await show("together GET first", get("10.96.1.1:80", "t1"));
  await show("together GET later", get("10.96.1.1:80", "t1"));
  console.log("events", JSON.stringify(ads.events.slice(n0).map(e => [e.kind, (e as any).type, (e as any).names, (e as any).message].filter(Boolean))));
  const n1 = ads.events.length;
  await Promise.all(Array.from({length: 8}, (_, i) => show("parallel " + i, get("10.96.1.2:80", i % 2 ? "t2" : "x" + i))));
  console.log("events", JSON.stringify(ads.events.slice(n1).map(e => [e.kind, (e as any).type, (e as any).names, (e as any).message].filter(Boolean))));
  await show("unknown (removed)", get("10.96.7.7:80", "nope"));
  await show("unknown (empty resource)", get("10.96.6.7:80", "nope"));
  await show("unknown (empty resource) again", get("10.96.6.7:80", "nope"));
  await show("silent", get(silent, "nope"));
  console.log("virtual hosts subscribed", ads.subscribed("virtualHost").join(" "));
  console.log("clusters", ads.subscribed("cluster").join(" "));
} finally {
  console.log("nacks", ads.events.filter(e => e.kind === "nack"));
  const out = envoy.output(); console.log(out.split("\n").slice(-60).join("\n"));
  await envoy.stop(); await ads.dispose(); await net.close();
}
process.exit(0);
