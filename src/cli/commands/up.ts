import { isIP } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import type { LaunchedMesh } from "#local/launcher.ts";
import type { OutboundTrafficMode } from "#model/others.ts";
import { outboundTrafficOption } from "../outbound-traffic-option.ts";
import { stateOption } from "../state-option.ts";

/** `heddle up`: runs a mesh from files. */
export function register(program: Command): void {
  program
    .command("up")
    .description("run a mesh from Kubernetes YAML, until Ctrl-C, and follow changes of the files")
    .argument("<path...>", "files, and directories that are read recursively for .yaml, .yml and .json")
    .option("--detach", "return once every pod is ready; heddle down ends the mesh")
    .addOption(outboundTrafficOption())
    .option(
      "--resolver <address>",
      "a DNS server for names outside of the mesh; by default those of /etc/resolv.conf",
      ipAddress,
    )
    .addOption(stateOption())
    .addHelpText(
      "after",
      `
Needs root, for network namespaces. Two meshes with different --state run side by side. Pods reach what this machine
reaches over TCP, and the machine itself as host.heddle.internal.

Images do not run: containers need a command, or a file heddle-images.yaml among the paths that says what stands in for
their image:
  registry.example.com/shop/api:
    entrypoint: [node, server.ts]    # also: cmd, env, workingDir

Examples:
  heddle up examples/bookstore
  heddle up app.yaml routes.yaml --detach --state /tmp/try
  heddle up deploy/ heddle-images.yaml`,
    )
    .action(up);
}

function ipAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError("it is an IP address");
  return text;
}

interface UpOptions {
  readonly detach?: boolean;
  readonly state: string;
  readonly outboundTrafficPolicy: OutboundTrafficMode;
  readonly resolver?: string;
}

async function up(paths: readonly string[], options: UpOptions): Promise<void> {
  const mesh = await start(paths, options);
  const interrupted = stopOnSignals(mesh);
  const { showProgress } = await import("../progress.ts");
  const outcome = await showProgress(mesh.state, AbortSignal.any([interrupted, endOf(mesh)]));
  if (options.detach === true && outcome.kind !== "ended") {
    await mesh.detach();
    console.log(`the mesh runs in the background; heddle down${stateHint(options.state)} ends it`);
    process.exit(outcome.kind === "ready" ? 0 : 1);
  }
  if (outcome.kind !== "ended") await showTraffic(mesh, interrupted);
  const how = await mesh.ended;
  const failed = how === "killed" && !interrupted.aborted;
  if (failed)
    console.error(
      `the supervisor of the mesh was killed or failed; ${mesh.state.logs}/supervisor.log may say why`,
    );
  // Signal handlers and the like must not keep a finished command.
  process.exit(failed ? 1 : 0);
}

async function start(paths: readonly string[], options: UpOptions): Promise<LaunchedMesh> {
  const [
    { existsSync },
    { missingRequirement },
    { findEnvoy },
    { findBalancer },
    { stateDirectory },
    { launch },
  ] = await Promise.all([
    import("node:fs"),
    import("#local/requirements.ts"),
    import("#local/envoy-binary.ts"),
    import("#local/balancer-library.ts"),
    import("#local/state-directory.ts"),
    import("#local/launcher.ts"),
  ]);
  const missing = missingRequirement();
  if (missing !== undefined) throw new Error(missing);
  const absent = paths.filter((path) => !existsSync(path));
  if (absent.length > 0) throw new Error(`${absent.join(", ")}: no such file or directory`);
  const state = stateDirectory(options.state);
  if (state.supervisorSocket.length > SOCKET_PATH_LIMIT)
    throw new Error(`the path ${state.root} is too long for the sockets in it; name a shorter --state`);
  const say = (line: string): void => console.error(line);
  const envoy = await findEnvoy(say);
  const balancer = await findBalancer(envoy, say);
  if (balancer.kind === "missing")
    say(`proxies balance by outstanding requests, not by latency: there is no balancer, ${balancer.reason}`);
  const { outboundTrafficPolicy, resolver } = options;
  return launch({
    state,
    paths,
    envoy,
    balancer: balancer.kind === "found" ? balancer.path : undefined,
    outboundTrafficPolicy,
    resolver,
  });
}

/** Of Linux, less the longest name in the directory. */
const SOCKET_PATH_LIMIT = 100;

function stopOnSignals(mesh: LaunchedMesh): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (!interrupted.signal.aborted) console.error("\nstopping");
      interrupted.abort();
      mesh.stop();
    });
  return interrupted.signal;
}

function endOf(mesh: LaunchedMesh): AbortSignal {
  const ended = new AbortController();
  void mesh.ended.then(() => ended.abort());
  return ended.signal;
}

async function showTraffic(mesh: LaunchedMesh, interrupted: AbortSignal): Promise<void> {
  const [{ runLiveTable }, { followProblems }] = await Promise.all([
    import("../live-table.ts"),
    import("../progress.ts"),
  ]);
  const signal = AbortSignal.any([interrupted, endOf(mesh)]);
  await Promise.all([
    runLiveTable({ state: mesh.state.root, signal }),
    // The table of a terminal shows them itself.
    process.stdout.isTTY ? undefined : followProblems(mesh.state, signal),
  ]);
}

function stateHint(directory: string): string {
  return directory === "/var/lib/heddle/default" ? "" : ` --state ${directory}`;
}
