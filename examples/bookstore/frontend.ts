// The front end: asks everybody else, and makes a page of it. What fails is shown where it would have been.
import { readFileSync } from "node:fs";
import { catalog, catalogEntry, fortune, order, prices, type Reader, review, stockOf } from "./backends.ts";
import { findBook } from "./books.ts";
import { type Outcome, renderPage } from "./page.ts";
import { type Question, serveHttp } from "./service.ts";

/** A failing service costs its part of the page, not the page. */
async function outcome<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { kind: "value", value: await promise };
  } catch (error) {
    return { kind: "failure", reason: error instanceof Error ? error.message : String(error) };
  }
}

function readerOf({ headers }: Question): Reader {
  const early = headers["x-reader"] === "early" || /(?:^|; )reader=early/.test(headers.cookie ?? "");
  return early ? "early" : "ordinary";
}

async function home(question: Question) {
  const reader = readerOf(question);
  const entries = await outcome(catalog(reader));
  const ids = entries.kind === "value" ? entries.value.books.map(({ id }) => id) : [];
  const [reviews, counts, cents, quote] = await Promise.all([
    Promise.all(ids.map((id) => outcome(review(id)))),
    outcome(stockOf(ids)),
    outcome(prices()),
    outcome(fortune()),
  ]);
  return {
    type: "text/html; charset=utf-8",
    body: renderPage({ reader, catalog: entries, reviews, stock: counts, prices: cents, fortune: quote }),
  };
}

async function book(question: Question) {
  const { id = "" } = question.parameters;
  if (!findBook(id)) return { status: 404, body: { error: `no book ${id}` } };
  const [entry, opinion, counts] = await Promise.all([
    catalogEntry(id, readerOf(question)),
    review(id),
    stockOf([id]),
  ]);
  return { body: { ...entry.books[0], catalog: entry.version, review: opinion, stock: counts[0] } };
}

async function buy({ parameters: { id = "" } }: Question) {
  if (!findBook(id)) return { status: 404, body: { error: `no book ${id}` } };
  return { body: { id, left: await order(id) } };
}

function file(name: string, type: string) {
  const body = readFileSync(new URL(`public/${name}`, import.meta.url), "utf8");
  return () => ({ type, body });
}

serveHttp(8080, {
  "GET /": home,
  "GET /store.css": file("store.css", "text/css"),
  "GET /live.js": file("live.js", "text/javascript"),
  "GET /api/books": async (question) => ({ body: await catalog(readerOf(question)) }),
  "GET /api/books/:id": book,
  "GET /api/reviews/:id": async ({ parameters: { id = "" } }) => ({ body: await review(id) }),
  "GET /api/fortune": async () => ({ body: { fortune: await fortune() } }),
  "POST /api/orders/:id": buy,
});
