// As `(echo LINE; sleep 1) | nc HOST PORT`, COUNT times, a connection each: prints the first line that comes back.
import { connect } from "node:net";
import { createInterface } from "node:readline";

const [host = "", port = "", line = "", count = "1"] = process.argv.slice(2);
const WAIT_MS = 5_000;

function ask(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => socket.write(`${line}\n`));
    const end = (answer: string): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(WAIT_MS, () => end("no answer in time"));
    socket.on("error", (error) => end(error.message));
    socket.on("close", () => end("closed"));
    createInterface({ input: socket }).once("line", end);
  });
}

for (let index = 0; index < Number(count); index++) console.log(await ask());
