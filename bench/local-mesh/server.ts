// An application: reads what it is sent and answers with 1 KB.
import { createServer } from "node:http";

const body = "x".repeat(1024);
createServer((request, response) => {
  request.resume();
  request.on("end", () => response.end(body));
}).listen(Number(process.env.PORT));
