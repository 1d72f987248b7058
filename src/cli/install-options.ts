// The options by which installations differ, for `heddle install` and `heddle manifests`.
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  defaultSettings,
  type InjectionMode,
  type InstallationSettings,
  injectionModes,
} from "#install/settings.ts";
import type { OutboundTrafficMode } from "#model/others.ts";
import { outboundTrafficOption } from "./outbound-traffic-option.ts";
import { packageVersion } from "./version.ts";

export interface InstallOptions {
  readonly injection: InjectionMode;
  readonly controlPlaneImage: string;
  readonly proxyImage: string;
  readonly latencyAware: boolean;
  readonly trustDomain: string;
  readonly outboundTrafficPolicy: OutboundTrafficMode;
  readonly replicas: number;
  /** Seconds. */
  readonly terminationDelay: number;
}

/** What a cluster can do, as far as an installation depends on it. */
export interface ClusterAbilities {
  readonly gatewayApi: boolean;
  readonly terminationDelay: boolean;
}

const defaults = defaultSettings(packageVersion);

/** The images and what they have, also for `heddle inject`. */
export function withImageOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--control-plane-image <image>",
        "of the control plane, and of the container that captures traffic",
      ).default(defaults.controlPlaneImage),
    )
    .addOption(
      new Option(
        "--proxy-image <image>",
        "of sidecars and gateways: Envoy 1.40, with Heddle's balancer",
      ).default(defaults.proxyImage),
    )
    .option("--no-latency-aware", "for a proxy image without the balancer: balance by outstanding requests");
}

export function withInstallOptions(command: Command): Command {
  return withImageOptions(
    command.addOption(
      new Option(
        "--injection <mode>",
        "webhook: the control plane injects; policy: the API server itself (from 1.36 on)",
      )
        .choices(injectionModes)
        .default(defaults.injection),
    ),
  )
    .addOption(
      new Option("--trust-domain <name>", "the first part of every identity")
        .argParser(trustDomain)
        .default(defaults.trustDomain),
    )
    .addOption(outboundTrafficOption())
    .addOption(
      new Option("--replicas <number>", "of the control plane")
        .argParser(positive)
        .default(defaults.replicas),
    )
    .addOption(
      new Option(
        "--termination-delay <seconds>",
        "from the end of a pod to the signal to its containers, 0 for none (from Kubernetes 1.30 on)",
      )
        .argParser(seconds)
        .default(defaults.terminationDelaySeconds),
    );
}

export function settingsFrom(options: InstallOptions, cluster: ClusterAbilities): InstallationSettings {
  const { injection, controlPlaneImage, proxyImage, latencyAware, trustDomain: domain } = options;
  const { outboundTrafficPolicy, replicas } = options;
  return {
    ...defaults,
    injection,
    controlPlaneImage,
    proxyImage,
    latencyAware,
    trustDomain: domain,
    outboundTrafficPolicy,
    replicas,
    terminationDelaySeconds: cluster.terminationDelay ? options.terminationDelay : 0,
    gatewayApi: cluster.gatewayApi,
  };
}

function positive(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError("it is a number from 1 to 99");
  return Number(text);
}

function seconds(text: string): number {
  if (!/^(?:0|[1-9]\d{0,2})$/.test(text)) throw new InvalidArgumentError("it is a number from 0 to 999");
  return Number(text);
}

/** What SPIFFE allows. https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain */
function trustDomain(text: string): string {
  if (!/^[a-z0-9._-]{1,255}$/.test(text)) {
    throw new InvalidArgumentError("it has lower-case letters, digits, dots, dashes and underscores only");
  }
  return text;
}
