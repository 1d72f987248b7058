// Everything that the front end asks of others, one function a service.
import { connect } from "node:net";
import type { Book } from "./books.ts";
import type { Rating } from "./ratings-service.ts";
import { RespClient } from "./resp.ts";
import { addressOf, urlOf } from "./service.ts";

/** The version and the pod that answered, and what they said. */
export interface Served {
  readonly version: string;
  readonly pod: string;
}

export interface Catalog extends Served {
  readonly books: readonly (Omit<Book, "opening" | "price"> & { readonly opening?: string })[];
}

export interface Review extends Served {
  readonly text: string;
  readonly rating?: Rating;
}

/** Readers of early editions get another version of the catalog; see `catalog.yaml`. */
export type Reader = "early" | "ordinary";

async function ask<T>(url: string, reader: Reader = "ordinary"): Promise<T> {
  const response = await fetch(url, {
    headers: reader === "early" ? { "x-reader": "early" } : {},
    signal: AbortSignal.timeout(3000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.trim().slice(0, 120)}`);
  return JSON.parse(text) as T;
}

export function catalog(reader: Reader): Promise<Catalog> {
  return ask(urlOf("catalog", "/books"), reader);
}

export function catalogEntry(id: string, reader: Reader): Promise<Catalog> {
  return ask(urlOf("catalog", `/books/${id}`), reader);
}

export function review(id: string): Promise<Review> {
  return ask(urlOf("reviews", `/reviews/${id}`));
}

/** In cents, by book. */
export function prices(): Promise<{ readonly prices: Readonly<Record<string, number>> }> {
  return ask(urlOf("ticker", "/prices"));
}

const store = new RespClient(addressOf("stock", 6379));

/** Copies left of each of `ids`, in that order. */
export async function stockOf(ids: readonly string[]): Promise<readonly number[]> {
  const counts = await store.send("MGET", ...ids.map((id) => `stock:${id}`));
  return Array.isArray(counts) ? counts.map(Number) : [];
}

/** Takes one copy, and has a dozen new ones delivered when none is left. Returns how many are left. */
export async function order(id: string): Promise<number> {
  const left = Number(await store.send("DECR", `stock:${id}`));
  return left > 0 ? left : Number(await store.send("INCRBY", `stock:${id}`, "12"));
}

/** The greeting of the fortune service: the server speaks first, and we hang up. */
export function fortune(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(addressOf("fortune", 2525));
    let text = "";
    socket.setEncoding("utf8").setTimeout(2000, () => socket.destroy(new Error("no greeting within 2 s")));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed before a greeting")));
    socket.on("data", (chunk) => {
      text += chunk;
      if (!text.includes("\r\n")) return;
      resolve(text.replace(/^220 \S+ /, "").trim());
      socket.end("QUIT\r\n");
    });
  });
}
