// Bookinfo's reviews: without ratings, with black stars, with red ones. It waits 10 s for black stars, 2.5 s for red.
import { hostname } from "node:os";
import { addressOf, call, passedOn, serve } from "./http.ts";

const withRatings = process.env["ENABLE_RATINGS"] === "true";
const color = process.env["STAR_COLOR"] ?? "black";
const waitMs = color === "black" ? 10_000 : 2_500;

const texts = {
  Reviewer1: "An extremely entertaining play.",
  Reviewer2: "Fun, but shallow beside his others.",
};

serve(Number(process.argv[2]), async ({ url, headers }) => {
  if (url.pathname === "/health") return { body: { status: "Reviews is healthy" } };
  const id = /^\/reviews\/(\d+)$/u.exec(url.pathname)?.[1];
  if (id === undefined) return undefined;
  const answer = withRatings
    ? await call(`${addressOf("ratings")}/ratings/${id}`, passedOn(headers), waitMs)
    : undefined;
  const stars = answer?.status === 200 ? (JSON.parse(answer.body) as Ratings).ratings : {};
  const reviews = Object.entries(texts).map(([reviewer, text]) => ({
    reviewer,
    text,
    ...(withRatings ? { rating: ratingOf(stars[reviewer]) } : {}),
  }));
  return { body: { id, podname: hostname(), reviews } };
});

interface Ratings {
  readonly ratings: Readonly<Record<string, number>>;
}

function ratingOf(stars: number | undefined): object {
  return stars === undefined ? { error: "Ratings service is currently unavailable" } : { stars, color };
}
