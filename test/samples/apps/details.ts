// Bookinfo's details of a book.
import { serve } from "./http.ts";

serve(Number(process.argv[2]), ({ url }) => {
  if (url.pathname === "/health") return { body: { status: "Details is healthy" } };
  if (!url.pathname.startsWith("/details")) return undefined;
  const id = Number(url.pathname.split("/").at(-1));
  if (!Number.isInteger(id)) return { status: 400, body: { error: "please provide numeric product id" } };
  return {
    body: {
      id,
      author: "William Shakespeare",
      year: 1595,
      type: "paperback",
      pages: 200,
      language: "English",
    },
  };
});
