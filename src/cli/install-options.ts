// The options by which installations differ, for `heddle install` and `heddle manifests`.
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  defaultSettings,
  type InjectionMode,
  type InstallationSettings,
  injectionModes,
} from "#install/settings.ts";
import { packageVersion } from "./version.ts";

export interface InstallOptions {
  readonly injection: InjectionMode;
  readonly controlPlaneImage: string;
  readonly proxyImage: string;
  readonly trustDomain: string;
  readonly replicas: number;
}

const defaults = defaultSettings(packageVersion);

/** The images, also for `heddle inject`. */
export function withImageOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--control-plane-image <image>",
        "of the control plane, and of the container that captures traffic",
      ).default(defaults.controlPlaneImage),
    )
    .addOption(new Option("--proxy-image <image>", "of the sidecars").default(defaults.proxyImage));
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
    .addOption(
      new Option("--replicas <number>", "of the control plane")
        .argParser(positive)
        .default(defaults.replicas),
    );
}

export function settingsFrom(
  options: InstallOptions,
  cluster: { readonly gatewayApi: boolean },
): InstallationSettings {
  const { injection, controlPlaneImage, proxyImage, trustDomain: domain, replicas } = options;
  return { ...defaults, injection, controlPlaneImage, proxyImage, trustDomain: domain, replicas, ...cluster };
}

function positive(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError("it is a number from 1 to 99");
  return Number(text);
}

/** What SPIFFE allows. https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain */
function trustDomain(text: string): string {
  if (!/^[a-z0-9._-]{1,255}$/.test(text)) {
    throw new InvalidArgumentError("it has lower-case letters, digits, dots, dashes and underscores only");
  }
  return text;
}
