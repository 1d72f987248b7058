// A program of a moment: listens on a port of the host's network, where the supervisor starts it, and hands the
// socket to the supervisor, which lives in another network. A socket keeps the network that it was made in.
import { createServer } from "node:net";

const port = Number(process.argv[2]);
const server = createServer();
// A client that is accepted here, before the supervisor has the socket, is sent away rather than left waiting.
server.maxConnections = 0;
server.on("error", (error) => {
  process.send?.({ error: "code" in error ? error.code : error.message });
  process.disconnect();
});
server.listen(port, "127.0.0.1", () => {
  process.send?.({}, server, {}, () => {
    server.close();
    process.disconnect();
  });
});
