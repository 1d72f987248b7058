import { once } from "node:events";
import { createServer } from "node:net";

// Below the ports that the kernel gives to whoever asks for any, and below those of a cluster's nodes: by the time that
// the port is used, no other program can have got it by chance.
const first = 20_000;
const last = 29_999;

/** A TCP port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
