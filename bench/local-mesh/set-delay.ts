// Tells the application of a pod how long it shall take (bench/latency-aware/slow-server.ts).
const { port, delayMs } = JSON.parse(process.argv[2] ?? "{}") as {
  readonly port: number;
  readonly delayMs: number;
};

await fetch(`http://127.0.0.1:${port}/`, { method: "PUT", body: String(delayMs) });
process.stdout.write("{}");
