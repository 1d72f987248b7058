import type { Container, Probe } from "#model/kubernetes/pod.ts";
import { execCheck, type JoinSettings } from "./join.ts";
import { type Check, httpCheck, tcpCheck } from "./probe.ts";
import { watchProbe } from "./watch-probe.ts";

interface Flags {
  readonly started: boolean;
  readonly ready: boolean;
}

interface Listener {
  onFlags(flags: Flags): void;
  /** A startup or liveness probe has failed for good. */
  onKill(): void;
}

/** Runs the probes of a container for the life of one process: the startup probe first, then the other two. */
export async function runProbes(
  options: { readonly container: Container; readonly podAddress: string },
  process: { readonly pid: number; readonly settings: JoinSettings },
  signal: AbortSignal,
  listener: Listener,
): Promise<void> {
  const { startupProbe, readinessProbe, livenessProbe } = options.container;
  const check = (probe: Probe): Check => checkOf(probe, options.container, options.podAddress, process);
  if (startupProbe !== undefined) {
    const succeeded = await untilStarted(startupProbe, check(startupProbe), signal);
    if (signal.aborted) return;
    if (!succeeded) return listener.onKill();
  }
  listener.onFlags({ started: true, ready: readinessProbe === undefined });
  await Promise.all([
    readinessProbe &&
      watchProbe(readinessProbe, check(readinessProbe), { eager: true, signal }, (outcome) =>
        listener.onFlags({ started: true, ready: outcome.kind === "success" }),
      ),
    livenessProbe &&
      watchProbe(livenessProbe, check(livenessProbe), { eager: false, signal }, (outcome) => {
        if (outcome.kind === "failure") listener.onKill();
      }),
  ]);
}

async function untilStarted(probe: Probe, check: Check, signal: AbortSignal): Promise<boolean> {
  const decided = new AbortController();
  let succeeded = false;
  await watchProbe(
    probe,
    check,
    { eager: true, signal: AbortSignal.any([signal, decided.signal]) },
    (outcome) => {
      succeeded = outcome.kind === "success";
      decided.abort();
    },
  );
  return succeeded;
}

function checkOf(
  probe: Probe,
  container: Container,
  podAddress: string,
  process: { readonly pid: number; readonly settings: JoinSettings },
): Check {
  if (probe.httpGet !== undefined) return httpCheck(probe.httpGet, container, podAddress);
  if (probe.tcpSocket !== undefined) return tcpCheck(probe.tcpSocket, container, podAddress);
  if (probe.exec !== undefined) return execCheck(process.pid, process.settings, probe.exec.command);
  if (probe.grpc !== undefined)
    return () => Promise.resolve("gRPC probes are answered by the sidecar only, and this pod has none");
  return () => Promise.resolve(undefined);
}
