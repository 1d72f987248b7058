// Reviews: what readers said. Version 2 adds stars, which it asks the ratings service for, over gRPC.
import { credentials } from "@grpc/grpc-js";
import { type Rating, RatingsClient } from "./ratings-service.ts";
import { addressOf, pod, serveHttp, version } from "./service.ts";

const texts: Readonly<Record<string, string>> = {
  "moby-dick": "Came for the whale, stayed for the chapter on rope.",
  "silas-marner": "The best book about a loom, and it knows that it is about something else.",
  middlemarch: "Eight hundred pages, and I would not spare one thread.",
  "jane-eyre": "Reader, I read it in one night.",
  "time-machine": "Short. Possibly because he skipped ahead.",
  persuasion: "Half agony, half hope, no retries.",
  frankenstein: "A lesson in owning what you deploy.",
  "north-and-south": "Cotton mills, strikes and two stubborn people.",
};

const client = version === "v2" ? ratingsClient() : undefined;

function ratingsClient(): RatingsClient {
  const { host, port } = addressOf("ratings", 9090);
  return new RatingsClient(`${host}:${port}`, credentials.createInsecure());
}

function rate(book: string): Promise<Rating | undefined> {
  if (!client) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    client.get({ book }, { deadline: Date.now() + 2000 }, (error, rating) =>
      error ? reject(error) : resolve(rating),
    );
  });
}

serveHttp(8080, {
  "GET /reviews/:book": async ({ parameters: { book = "" } }) => {
    const text = texts[book];
    if (text === undefined) return { status: 404, body: { error: `no review of ${book}` } };
    return { body: { version, pod, text, rating: await rate(book) } };
  },
});
