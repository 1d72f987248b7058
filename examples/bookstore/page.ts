import type { Catalog, Reader, Review } from "./backends.ts";
import { pod } from "./service.ts";

export type Outcome<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "failure"; readonly reason: string };

export interface Page {
  readonly reader: Reader;
  readonly catalog: Outcome<Catalog>;
  /** In the order of the catalog's books. */
  readonly reviews: readonly Outcome<Review>[];
  readonly stock: Outcome<readonly number[]>;
  readonly prices: Outcome<{ readonly prices: Readonly<Record<string, number>> }>;
  readonly fortune: Outcome<string>;
}

/** HTML whose parts are known to be safe. */
interface Html {
  readonly html: string;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Escapes what is put in, except what is HTML already. */
function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  const parts = values.map((value) => {
    if (typeof value === "string" || typeof value === "number") return escape(String(value));
    return "html" in value ? value.html : value.map((each) => each.html).join("");
  });
  return { html: String.raw({ raw: strings }, ...parts) };
}

function failure(service: string, reason: string): Html {
  return html`<p class="failure"><b>${service}</b> failed: ${reason}</p>`;
}

function tag(service: string, served: { readonly version: string; readonly pod: string }): Html {
  return html`<span class="tag ${served.version}" title="${served.pod}">${service} ${served.version}</span>`;
}

function stars(review: Review): Html {
  if (!review.rating) return html``;
  const { stars: count, votes } = review.rating;
  const width = Math.round(count * 20);
  return html`<div class="rating" title="${count} of 5, from ${review.rating.pod}">
    <span class="stars" style="--width: ${width}%">★★★★★</span> ${count.toFixed(1)} <small>${votes} votes</small>
  </div>`;
}

function reviewOf(outcome: Outcome<Review> | undefined): Html {
  if (!outcome) return html``;
  if (outcome.kind === "failure") return failure("reviews", outcome.reason);
  return html`<blockquote>${outcome.value.text}</blockquote>
    ${stars(outcome.value)} ${tag("reviews", outcome.value)}`;
}

function card(page: Page, book: Catalog["books"][number], index: number): Html {
  const cents = page.prices.kind === "value" ? page.prices.value.prices[book.id] : undefined;
  const left = page.stock.kind === "value" ? page.stock.value[index] : undefined;
  return html`<article data-book="${book.id}">
    <div class="cover" style="--hue: ${book.hue}"><b>${book.title}</b><i>${book.author}</i></div>
    <div class="text">
      <h2>${book.title} <small>${book.year}</small></h2>
      ${book.opening === undefined ? html`` : html`<p class="opening">${book.opening}</p>`}
      ${reviewOf(page.reviews[index])}
      <footer>
        <span class="price">${cents === undefined ? "–" : (cents / 100).toFixed(2)}</span>
        <span class="stock">${left === undefined ? "stock unknown" : `${left} left`}</span>
        <button type="button" class="buy">Buy</button>
      </footer>
    </div>
  </article>`;
}

function catalogOf(page: Page): Html {
  if (page.catalog.kind === "failure") return failure("catalog", page.catalog.reason);
  return html`<main>${page.catalog.value.books.map((book, index) => card(page, book, index))}</main>`;
}

/** The home page. Never fails: what is missing says why. */
export function renderPage(page: Page): string {
  const { catalog, fortune, prices, reader, stock } = page;
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The Heddle Bookstore</title>
<link rel="stylesheet" href="/store.css">
<script type="module" src="/live.js"></script>
<header>
  <div>
    <h1>The Heddle Bookstore</h1>
    ${fortune.kind === "value" ? html`<p class="fortune">${fortune.value}</p>` : failure("fortune", fortune.reason)}
  </div>
  <aside>
    <span class="tag" title="the pod that made this page">${pod}</span>
    ${catalog.kind === "value" ? tag("catalog", catalog.value) : html``}
    <label><input type="checkbox" id="early" ${reader === "early" ? "checked" : ""}> early editions</label>
  </aside>
</header>
<section class="live">
  <div><b>Who answers for reviews, now</b> <span id="share">…</span></div>
  <div id="dots"></div>
</section>
${prices.kind === "failure" ? failure("ticker", prices.reason) : html``}
${stock.kind === "failure" ? failure("stock", stock.reason) : html``}
${catalogOf(page)}
<p class="end">Change a weight in <code>reviews.yaml</code> and watch the dots. Every line between two services here is
mutual TLS; none of the programs knows.</p>
</html>`.html;
}
