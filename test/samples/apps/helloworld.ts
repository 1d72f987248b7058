// Says its version and its host's name.
import { hostname } from "node:os";
import { serve } from "./http.ts";

serve(5000, ({ url }) => {
  if (url.pathname === "/health") return { body: "Helloworld is healthy" };
  if (url.pathname !== "/hello") return undefined;
  return { body: `Hello version: ${process.env["SERVICE_VERSION"]}, instance: ${hostname()}\n` };
});
