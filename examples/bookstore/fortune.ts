// Fortune: a TCP service in which the server speaks first, as SMTP and MySQL do. A proxy that waits for the
// client's first bytes to find out the protocol would wait for ever.
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { pod, serveTcp } from "./service.ts";

const quotes = [
  "Many threads, one cloth.",
  "The shuttle forgets; the cloth remembers.",
  "Not all who wander are load-balanced.",
  "A book read twice is a connection reused.",
  "Trust the weft, verify the warp.",
  "Every long novel was once a short retry.",
  "Between two pages lies a third, encrypted.",
];

function quote(): string {
  return quotes[Math.floor(Math.random() * quotes.length)] ?? "";
}

const server = createServer((socket) => {
  socket.setNoDelay();
  socket.on("error", () => socket.destroy());
  socket.write(`220 ${pod} ${quote()}\r\n`);
  const lines = createInterface({ input: socket });
  lines.on("line", (line) => {
    const command = line.trim().toUpperCase();
    if (command === "MORE") socket.write(`250 ${quote()}\r\n`);
    else if (command === "QUIT") socket.end("221 Until the next page\r\n");
    else socket.write("500 I know MORE and QUIT\r\n");
  });
  lines.on("error", () => socket.destroy());
});
serveTcp(server, 2525);
