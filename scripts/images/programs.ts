// What stands in for base images and Debian packages where there is no registry: the programs of this machine, with the
// libraries that they need.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findEnvoy } from "../../src/local/envoy-binary.ts";

/** Fills `root` with what a base image has. */
export async function addBase(root: string, image: string): Promise<void> {
  addSkeleton(root);
  if (image.includes("/node:")) {
    addProgram(root, process.execPath, "/usr/local/bin/node");
    for (const program of ["bash", "sleep"]) addProgram(root, `/usr/bin/${program}`);
  } else if (image.includes("/envoy:")) {
    addProgram(root, await findEnvoy((line) => console.error(line)), "/usr/local/bin/envoy");
  } else throw new Error(`no programs of this machine stand in for the image ${image}`);
}

/** Fills `root` with what a package of Debian has. */
export function addPackage(root: string, name: string): void {
  const add = packages[name];
  if (add === undefined) throw new Error(`no programs of this machine stand in for the package ${name}`);
  add(root);
}

const packages: Readonly<Record<string, (root: string) => void>> = {
  nftables: (root) => addProgram(root, "/usr/sbin/nft"),
  curl: (root) => addProgram(root, "/usr/bin/curl"),
  iproute2: (root) => addProgram(root, realpathSync("/sbin/ip"), "/usr/bin/ip"),
  iptables(root) {
    addProgram(root, "/usr/sbin/xtables-nft-multi");
    for (const family of ["iptables", "ip6tables"])
      for (const part of ["", "-save", "-restore"])
        symlinkSync("xtables-nft-multi", join(root, `usr/sbin/${family}${part}`));
    const library = dirname(realpathSync(String(librariesOf("/usr/sbin/xtables-nft-multi")[0])));
    cpSync(join(library, "xtables"), join(root, library, "xtables"), { recursive: true });
  },
  "busybox-static"(root) {
    const busybox = realpathSync("/bin/busybox");
    addProgram(root, busybox, "/usr/bin/busybox");
    const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n");
    const own = new Set(["busybox", "curl", "ip", "nft", "bash", "sleep"]);
    for (const applet of applets.filter((candidate) => !own.has(candidate)))
      symlinkSync("busybox", join(root, `usr/bin/${applet}`));
  },
};

/** The directories of Debian, and the users that need no name elsewhere. */
function addSkeleton(root: string): void {
  for (const directory of [
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "etc",
    "proc",
    "sys",
    "dev",
    "run",
    "var",
  ])
    mkdirSync(join(root, directory), { recursive: true });
  mkdirSync(join(root, "tmp"), { mode: 0o1777 });
  addLinks(root);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
}

/** Debian's /bin and so on are links. */
function addLinks(root: string): void {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    if (!existsSync(join(root, name))) symlinkSync(`usr/${name}`, join(root, name));
  }
}

function addProgram(root: string, source: string, target = source): void {
  addLinks(root);
  for (const [from, to] of [
    [source, target] as const,
    ...librariesOf(source).map((path) => [path, path] as const),
  ]) {
    const file = join(root, to);
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) cpSync(realpathSync(from), file);
  }
}

function librariesOf(program: string): readonly string[] {
  try {
    const listed = execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return listed.match(/\/\S+\.so\S*/g) ?? [];
  } catch {
    return []; // Linked statically.
  }
}
