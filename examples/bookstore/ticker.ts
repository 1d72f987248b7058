// The ticker: prices that never stand still. One HTTP answer for who asks, a WebSocket for who wants to watch.
import { WebSocketServer } from "ws";
import { books } from "./books.ts";
import { pod, serveHttp } from "./service.ts";

const prices = new Map(books.map(({ id, price }) => [id, price]));

function move(): void {
  for (const { id, price } of books) {
    const pull = (price - (prices.get(id) ?? price)) * 0.05;
    prices.set(id, Math.max(100, Math.round((prices.get(id) ?? price) + pull + (Math.random() - 0.5) * 40)));
  }
}

function snapshot(): object {
  return { pod, prices: Object.fromEntries(prices) };
}

const server = serveHttp(8080, { "GET /prices": () => ({ body: snapshot() }) });
const watchers = new WebSocketServer({ server, path: "/prices" });
watchers.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.send(JSON.stringify(snapshot()));
});

setInterval(() => {
  move();
  const text = JSON.stringify(snapshot());
  for (const socket of watchers.clients) socket.send(text);
}, 1000);
