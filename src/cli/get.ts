// A program of a moment: prints what an HTTP address answers, from the network that it is started in.
import { get } from "node:http";

const request = get(process.argv[2] ?? "", { timeout: 10_000 }, (response) => {
  if (response.statusCode === 200) response.pipe(process.stdout);
  else {
    console.error(`status ${response.statusCode}`);
    process.exitCode = 1;
  }
});
request.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
