import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { canDelayTermination, parseServerVersion } from "#kubernetes/server-version.ts";
import { type InstallOptions, settingsFrom, withInstallOptions } from "./install-options.ts";

function optionsOf(...words: readonly string[]): InstallOptions {
  const command = withInstallOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(words, { from: "user" }).opts<InstallOptions>();
}

test("proxies balance by latency unless their image cannot", () => {
  const latencyAware = (...words: readonly string[]) =>
    settingsFrom(optionsOf(...words), { gatewayApi: true, terminationDelay: true }).latencyAware;
  assert.equal(latencyAware(), true);
  assert.equal(latencyAware("--proxy-image=registry.example/heddle-proxy:1"), true);
  assert.equal(latencyAware("--proxy-image=envoyproxy/envoy:v1.40.0", "--no-latency-aware"), false);
});

test("the termination delay is what was asked for, and none where Kubernetes has none", () => {
  const delay = (words: readonly string[], minor: string) => {
    const server = parseServerVersion({ major: "1", minor, gitVersion: "" });
    const cluster = { gatewayApi: true, terminationDelay: canDelayTermination(server) };
    return settingsFrom(optionsOf(...words), cluster).terminationDelaySeconds;
  };
  assert.equal(delay([], "30+"), 5);
  assert.equal(delay(["--termination-delay", "20"], "36"), 20);
  assert.equal(delay(["--termination-delay", "0"], "36"), 0);
  assert.equal(delay(["--termination-delay", "20"], "29"), 0);
  assert.throws(() => optionsOf("--termination-delay", "soon"), /it is a number from 0 to 999/);
});
