// The first bytes of a TLS client, for tests that look only at what a listener makes of them.
import { Duplex } from "node:stream";
import tls from "node:tls";

/** A ClientHello with this server name; none for "". */
export function clientHello(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        done();
        resolve(chunk);
      },
    });
    tls.connect({ socket: wire, ...(servername === "" ? {} : { servername }) }).on("error", () => {});
  });
}
