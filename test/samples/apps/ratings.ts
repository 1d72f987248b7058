// Bookinfo's ratings, kept in memory.
import { serve } from "./http.ts";

const added = new Map<string, unknown>();

serve(Number(process.argv[2]), ({ method, url, body }) => {
  if (url.pathname === "/health") return { body: { status: "Ratings is healthy" } };
  const id = /^\/ratings\/(\d+)$/u.exec(url.pathname)?.[1];
  if (id === undefined) return undefined;
  if (method === "POST") added.set(id, JSON.parse(body));
  return { body: { id: Number(id), ratings: added.get(id) ?? { Reviewer1: 5, Reviewer2: 4 } } };
});
