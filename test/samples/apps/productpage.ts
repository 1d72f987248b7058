// Bookinfo's page: details and reviews of a book. It waits 3 s for each, and asks for reviews twice: that is the bug
// which the task of fault injection finds.
import type { IncomingHttpHeaders } from "node:http";
import { type Answer, type Asked, addressOf, call, passedOn, serve } from "./http.ts";

const WAIT_MS = 3_000;
const BOOK = { id: 0, title: "The Comedy of Errors" };

interface Part {
  readonly status: number;
  readonly value: unknown;
}

interface Review {
  readonly reviewer: string;
  readonly text: string;
  readonly rating?: { readonly stars?: number; readonly color?: string; readonly error?: string };
}

async function part(
  service: "details" | "ratings" | "reviews",
  id: string,
  headers: IncomingHttpHeaders,
): Promise<Part> {
  const attempts = service === "reviews" ? 2 : 1;
  let status = 500;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const answer = await call(`${addressOf(service)}/${service}/${id}`, headers, WAIT_MS);
    if (answer.status === 200) return { status: 200, value: JSON.parse(answer.body) };
    status = answer.status === 0 ? 500 : answer.status;
  }
  return {
    status,
    value: { error: `Sorry, product ${service} are currently unavailable for this book.` },
  };
}

function userOf({ headers }: Asked): string | undefined {
  const session = /(?:^|; )session=([^;]+)/u.exec(headers.cookie ?? "")?.[1];
  return session === undefined ? undefined : Buffer.from(session, "base64url").toString();
}

function onward(asked: Asked): IncomingHttpHeaders {
  const user = userOf(asked);
  return { ...passedOn(asked.headers), ...(user === undefined ? {} : { "end-user": user }) };
}

function reviewMarkup({ reviewer, text, rating }: Review): string {
  const stars =
    rating === undefined
      ? ""
      : rating.stars === undefined
        ? `<p>${rating.error}</p>`
        : `<p class="stars-${rating.color}">${"★".repeat(rating.stars)}</p>`;
  return `<blockquote>${text}<cite>${reviewer}</cite>${stars}</blockquote>`;
}

function errorMarkup(what: string, { value }: Part): string {
  return `<h4>Error fetching product ${what}!</h4><p>${(value as { error: string }).error}</p>`;
}

function page(user: string | undefined, details: Part, reviews: Part): string {
  const served = reviews.value as { readonly podname?: string; readonly reviews?: readonly Review[] };
  return [
    "<!DOCTYPE html>",
    "<title>Simple Bookstore App</title>",
    `<h1>${BOOK.title}</h1>`,
    user === undefined ? "" : `<p>${user} (<a href="logout">sign out</a>)</p>`,
    details.status === 200
      ? `<h4>Book Details</h4><pre>${JSON.stringify(details.value)}</pre>`
      : errorMarkup("details", details),
    reviews.status === 200
      ? `<h4>Book Reviews</h4>${(served.reviews ?? []).map(reviewMarkup).join("\n")}<p>Reviews served by: ${served.podname}</p>`
      : errorMarkup("reviews", reviews),
    "",
  ].join("\n");
}

async function productPage(asked: Asked): Promise<Answer> {
  const headers = onward(asked);
  const details = await part("details", "0", headers);
  const reviews = await part("reviews", "0", headers);
  return { headers: { "content-type": "text/html" }, body: page(userOf(asked), details, reviews) };
}

async function respond(asked: Asked): Promise<Answer | undefined> {
  const { pathname } = asked.url;
  const back = asked.headers.referer ?? "/productpage";
  const api = /^\/api\/v1\/products\/(\d+)(?:\/(reviews|ratings))?$/u.exec(pathname);
  if (api !== null) {
    const [, id = "0", what] = api;
    const { status, value } = await part((what as "reviews" | "ratings") ?? "details", id, onward(asked));
    return { status, body: value };
  }
  switch (pathname) {
    case "/productpage":
      return productPage(asked);
    case "/api/v1/products":
      return { body: [BOOK] };
    case "/login": {
      const user = new URLSearchParams(asked.body).get("username") ?? "";
      const session = Buffer.from(user).toString("base64url");
      return { status: 302, headers: { location: back, "set-cookie": `session=${session}; Path=/` } };
    }
    case "/logout":
      return { status: 302, headers: { location: back, "set-cookie": "session=; Path=/; Max-Age=0" } };
    case "/health":
      return { body: "Product page is healthy" };
    case "/static/style.css":
      return { headers: { "content-type": "text/css" }, body: "" };
    default:
      return undefined;
  }
}

serve(Number(process.argv[2]), respond);
