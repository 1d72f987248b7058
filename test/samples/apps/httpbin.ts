// The paths of httpbin that Istio's tasks use, with answers as go-httpbin gives them: headers are lists.
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Asked, serve } from "./http.ts";

function headersOf({ headers }: Asked): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.replaceAll(/(?:^|-)[a-z]/gu, (letter) => letter.toUpperCase()),
      [value ?? ""].flat(),
    ]),
  );
}

function originOf({ headers, message }: Asked): string {
  return [headers["x-forwarded-for"]].flat()[0]?.split(",")[0] ?? message.socket.remoteAddress ?? "";
}

function everything(asked: Asked): object {
  const args: Record<string, string[]> = {};
  for (const [name, value] of asked.url.searchParams) (args[name] ??= []).push(value);
  const data = asked.body === "" ? {} : { data: asked.body };
  const { method, url } = asked;
  return { args, headers: headersOf(asked), method, origin: originOf(asked), url: url.href, ...data };
}

async function answer(asked: Asked): Promise<Answer | undefined> {
  const [, name = "", argument = ""] = asked.url.pathname.split("/");
  switch (name) {
    case "get":
    case "post":
    case "put":
    case "delete":
      return name.toUpperCase() === asked.method ? { body: everything(asked) } : { status: 405 };
    case "anything":
      return { body: everything(asked) };
    case "headers":
      return { body: { headers: headersOf(asked) } };
    case "ip":
      return { body: { origin: originOf(asked) } };
    case "user-agent":
      return { body: { "user-agent": asked.headers["user-agent"] ?? "" } };
    case "status":
      return { status: Number(argument) };
    case "delay":
      await sleep(Number(argument) * 1000);
      return { body: everything(asked) };
    case "html":
      return { headers: { "content-type": "text/html" }, body: "<h1>Herman Melville - Moby-Dick</h1>" };
    default:
      return undefined;
  }
}

serve(8080, answer);
