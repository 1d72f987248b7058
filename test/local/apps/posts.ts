// POSTs to each of some addresses, all at a time, and prints the statuses of the answers as JSON, in their order. Each
// call has its address in the header x-call.
//   posts.ts http://HOST:PORT/PATH...
import { request } from "node:http";

function post(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: "POST", headers: { "x-call": url } }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => resolve(response.statusCode));
    });
    asked.on("error", reject);
    asked.end("order");
  });
}

console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map(post))));
process.exit(0);
