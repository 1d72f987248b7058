import { once } from "node:events";
import { createServer } from "node:net";

// Below the ports that the kernel gives to whoever asks for any, and below those of a cluster's nodes: by the time that
// the port is used, no other program can have got it by chance.
const first = 20_000;
const last = 29_999;

/** A TCP port of the loopback that nobody listens on now, and that no other test is given while this process lives. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    // A name in no file system, which ends with the process.
    const claim = createServer().unref();
    if (!(await listens(claim, { path: `\0heddle-test-port-${port}` }))) continue;
    const server = createServer();
    if (!(await listens(server, { port, host: "127.0.0.1" }))) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

function listens(server: ReturnType<typeof createServer>, where: object): Promise<boolean> {
  server.listen(where);
  return once(server, "listening").then(
    () => true,
    () => false,
  );
}
