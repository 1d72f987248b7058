// The catalog: what books there are. Version 2 also knows how each begins.
import { type Book, books, findBook } from "./books.ts";
import { pod, serveHttp, version } from "./service.ts";

function entry({ id, title, author, year, hue, opening }: Book) {
  const common = { id, title, author, year, hue };
  return version === "v2" ? { ...common, opening } : common;
}

serveHttp(8080, {
  "GET /books": () => ({ body: { version, pod, books: books.map(entry) } }),
  "GET /books/:id": ({ parameters }) => {
    const book = findBook(parameters.id);
    return book
      ? { body: { version, pod, books: [entry(book)] } }
      : { status: 404, body: { error: `no book ${parameters.id}` } };
  },
});
