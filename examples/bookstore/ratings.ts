// Ratings: a gRPC service with one unary and one streaming method.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { books } from "./books.ts";
import { type Rating, type RatingsHandlers, ratingsDefinition } from "./ratings-service.ts";
import { onTermination, pod } from "./service.ts";

const votes = new Map(books.map(({ id, title }) => [id, { sum: 30 + title.length, count: 10 }]));

function ratingOf(book: string): Rating {
  const { sum, count } = votes.get(book) ?? { sum: 0, count: 1 };
  return { book, stars: Math.min(5, Math.round((sum / count) * 10) / 10), votes: count, pod };
}

const handlers: RatingsHandlers = {
  get: (call, done) => done(null, ratingOf(call.request.book)),
  watch: (call) => {
    const { book } = call.request;
    call.write(ratingOf(book));
    const timer = setInterval(() => {
      const vote = votes.get(book);
      if (vote) {
        vote.sum += 3 + Math.round(Math.random() * 2);
        vote.count += 1;
      }
      call.write(ratingOf(book));
    }, 1000);
    call.on("close", () => clearInterval(timer));
    call.on("cancelled", () => clearInterval(timer));
  },
};

const server = new Server();
server.addService(ratingsDefinition, { ...handlers });
server.bindAsync("0.0.0.0:9090", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`${pod}: gRPC on port ${port}`);
});
onTermination(() => {
  setTimeout(() => server.tryShutdown(() => process.exit(0)), 1000);
  setTimeout(() => process.exit(0), 3000);
});
