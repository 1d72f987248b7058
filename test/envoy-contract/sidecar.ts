// One pod with an intercepted network, a real Envoy and an ADS server of its own.
import type net from "node:net";
import { type AdsResource, type AdsServer, type Resolve, startAds } from "#test/helpers/ads.ts";
import { adsBootstrap } from "#test/helpers/config.ts";
import { type Envoy, type EnvoyOptions, startEnvoy } from "#test/helpers/envoy.ts";
import { type Answer, type Ask, request } from "#test/helpers/http.ts";
import type { Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import {
  edsCluster,
  endpoints,
  type OutboundOptions,
  outboundListener,
  outboundRoutes,
  outboundRules,
  outsideCluster,
  virtualHost,
} from "./outbound.ts";

/** A pod with its sidecar. */
export interface Sidecar {
  readonly pod: Namespace;
  readonly ads: AdsServer;
  readonly envoy: Envoy;
  /** Dials `address:port` from the application's place. */
  dial(destination: string): Promise<net.Socket>;
  /** One request on a connection of its own; `host` is the Host header. */
  ask(destination: string, host: string, more?: Ask): Promise<Answer>;
}

/** What to start. */
export interface SidecarOptions extends Pick<EnvoyOptions, "args" | "logLevel"> {
  /** Interception, `outboundRules` by default. */
  readonly rules?: string;
  /** The listener to wait for, `outbound` by default. */
  readonly listener?: string;
}

/** Starts a sidecar in `pod`; it ends with `stack`, and a NACK before it listens fails at once. */
export async function startSidecar(
  stack: AsyncDisposableStack,
  pod: Namespace,
  resolve: Resolve,
  options: SidecarOptions = {},
): Promise<Sidecar> {
  pod.run("nft", ["-f", "-"], options.rules ?? outboundRules);
  const ads = stack.adopt(await startAds(resolve), (server) => server.dispose());
  const envoy = stack.adopt(
    await startEnvoy(adsBootstrap(ads.path), { ...options, namespace: pod }),
    (running) => running.stop(),
  );
  const { listener = "outbound" } = options;
  await until(async () => {
    const [nack] = ads.nacks();
    if (nack !== undefined) throw new Error(nack);
    return envoy.isListening(listener);
  }, `the listener ${listener}`);
  const dial = (destination: string): Promise<net.Socket> => {
    const [host = "", port] = destination.split(":");
    return pod.connect(host, Number(port));
  };
  return {
    pod,
    ads,
    envoy,
    dial,
    ask: async (destination, host, more = {}) =>
      request(await dial(destination), { ...more, headers: { host, connection: "close", ...more.headers } }),
  };
}

/** What the outbound side of a test knows: destinations, such as `10.96.0.1:80`, and what they lead to. */
export interface Known {
  readonly domains: readonly string[];
  readonly endpoint: string;
}

/** Answers on demand: virtual host, then cluster, then endpoints. `more` is asked first, and may keep silent. */
export function onDemand(
  known: Readonly<Record<string, Known>>,
  options: OutboundOptions = {},
  more: (...asked: Parameters<Resolve>) => ReturnType<Resolve> | "silence" = () => undefined,
): Resolve {
  return (type, name) => {
    const special = more(type, name);
    if (special !== undefined) return special === "silence" ? undefined : special;
    const destination = name.slice(name.search(/[|/]/) + 1);
    const entry = known[destination];
    switch (type) {
      case "listener":
        return [outboundListener(options)];
      case "routes":
        return [outboundRoutes];
      case "cluster":
        if (name === "*") return [outsideCluster];
        return entry === undefined ? [] : [edsCluster(name)];
      case "endpoints":
        return entry === undefined ? [] : [endpoints(name, entry.endpoint)];
      case "virtualHost":
        return entry === undefined ? undefined : [virtualHost({ destination, domains: entry.domains })];
      default:
        return [];
    }
  };
}

/** Cluster, endpoints and virtual host of one destination, as they are sent together. */
export function together(destination: string, { domains, endpoint }: Known): readonly AdsResource[] {
  const cluster = `http|${destination}`;
  return [edsCluster(cluster), endpoints(cluster, endpoint), virtualHost({ destination, domains })];
}
