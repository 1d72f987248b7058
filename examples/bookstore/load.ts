// The load generator: a small, constant load on every service, over connections that it keeps.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials } from "@grpc/grpc-js";
import { WebSocket } from "ws";
import { fortune } from "./backends.ts";
import { books } from "./books.ts";
import { RatingsClient } from "./ratings-service.ts";
import { RespClient } from "./resp.ts";
import { addressOf, onTermination, urlOf } from "./service.ts";

/** Multiplies all rates below. */
const load = Number(process.env.LOAD ?? "1");

interface Tally {
  done: number;
  failed: number;
  slowestMs: number;
  lastFailure: string | undefined;
}

const tallies = new Map<string, Tally>();

function tallyOf(name: string): Tally {
  const found = tallies.get(name) ?? { done: 0, failed: 0, slowestMs: 0, lastFailure: undefined };
  tallies.set(name, found);
  return found;
}

async function measure(name: string, call: () => Promise<unknown>): Promise<void> {
  const tally = tallyOf(name);
  const start = performance.now();
  try {
    await call();
    tally.done += 1;
  } catch (error) {
    tally.failed += 1;
    tally.lastFailure = error instanceof Error ? error.message : String(error);
  }
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - start);
}

async function succeeds(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch {
    return false;
  }
}

/**
 * Once it works, starts `call` so many times a second, whether or not earlier calls have ended: the load is constant,
 * and a bookstore that is still being opened is not stormed.
 */
async function every(perSecond: number, name: string, call: () => Promise<unknown>): Promise<void> {
  tallyOf(name);
  while (!(await succeeds(call))) await sleep(500);
  setInterval(() => void measure(name, call), 1000 / (perSecond * load));
}

function anyBook(): string {
  return books[Math.floor(Math.random() * books.length)]?.id ?? "";
}

async function get(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<void> {
  const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(5000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 120)}`);
}

const ratings = new RatingsClient(
  `${addressOf("ratings", 9090).host}:${addressOf("ratings", 9090).port}`,
  credentials.createInsecure(),
);
const stock = new RespClient(addressOf("stock", 6379));

/** Keeps something open, opens it again a second after it ended, and counts what arrives. */
function keepOpen(name: string, open: (arrived: () => void) => Promise<string>, worked = false): void {
  const tally = tallyOf(name);
  let works = worked;
  void open(() => {
    works = true;
    tally.done += 1;
  }).then((reason) => {
    if (works) {
      tally.failed += 1;
      tally.lastFailure = reason;
    }
    setTimeout(() => keepOpen(name, open, works), 1000);
  });
}

void every(2, "pages", () => get(urlOf("frontend", "/")));
void every(10, "books", () => get(urlOf("frontend", `/api/books/${anyBook()}`)));
void every(2, "early", () => get(urlOf("frontend", `/api/books/${anyBook()}`), { "x-reader": "early" }));
void every(2, "orders", () => get(urlOf("frontend", `/api/orders/${anyBook()}`), {}, "POST"));
void every(8, "reviews", () => get(urlOf("reviews", `/reviews/${anyBook()}`)));
void every(10, "ratings", () => {
  return new Promise((resolve, reject) => {
    ratings.get({ book: anyBook() }, { deadline: Date.now() + 2000 }, (error, rating) =>
      error ? reject(error) : resolve(rating),
    );
  });
});
void every(10, "stock", () => stock.send("GET", `stock:${anyBook()}`));
void every(0.5, "fortune", fortune);

keepOpen("prices", (arrived) => {
  return new Promise((resolve) => {
    const socket = new WebSocket(urlOf("ticker", "/prices").replace("http", "ws"));
    let reason = "closed";
    socket.on("message", arrived);
    socket.on("error", (error) => (reason = error.message));
    socket.on("close", (code) => resolve(`${reason} (${code})`));
  });
});

keepOpen("votes", (arrived) => {
  return new Promise((resolve) => {
    const stream = ratings.watch({ book: anyBook() });
    stream.on("data", arrived);
    stream.on("error", (error) => resolve(error.message));
    stream.on("end", () => resolve("ended"));
  });
});

keepOpen("quotes", (arrived) => {
  return new Promise((resolve) => {
    const socket = connect(addressOf("fortune", 2525));
    const timer = setInterval(() => socket.write("MORE\r\n"), 1000);
    let reason = "closed";
    socket.on("data", arrived);
    socket.on("error", (error) => (reason = error.message));
    socket.on("close", () => {
      clearInterval(timer);
      resolve(reason);
    });
  });
});

setInterval(() => {
  const parts = [...tallies].map(([name, tally]) => {
    const { done, failed, slowestMs, lastFailure } = tally;
    Object.assign(tally, { done: 0, failed: 0, slowestMs: 0, lastFailure: undefined });
    const slowest = slowestMs > 0 ? ` (slowest ${Math.round(slowestMs)} ms)` : "";
    return failed > 0
      ? `${name} ${done} ok, ${failed} FAILED: ${lastFailure}${slowest}`
      : `${name} ${done}${slowest}`;
  });
  console.log(`10 s: ${parts.join(", ")}`);
}, 10_000);
onTermination(() => process.exit(0));
