// Echoes lines with a prefix, on several ports: `tcp-echo.ts 9000,9001 hello`.
import { createServer } from "node:net";
import { createInterface } from "node:readline";

const [ports = "", prefix = ""] = process.argv.slice(2);
for (const port of ports.split(",")) {
  createServer((socket) => {
    socket.on("error", () => socket.destroy());
    createInterface({ input: socket }).on("line", (line) => socket.write(`${prefix} ${line}\n`));
  }).listen(Number(port), "0.0.0.0");
}
process.on("SIGTERM", () => process.exit(0));
