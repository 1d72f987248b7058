// An application: reads what it is sent and answers with 1 KB.
import { createServer } from "node:http";

const body = "x".repeat(1024);
// A connection that the server closes while a request is on its way would be a failure of nobody's.
createServer({ keepAliveTimeout: 0 }, (request, response) => {
  request.resume();
  request.on("end", () => response.end(body));
}).listen(Number(process.env.PORT));
