import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAuthorityFiles } from "#identity/authority.ts";
import { KubernetesError } from "#kubernetes/client.ts";
import { authorityOfCluster } from "./authority-secret.ts";

const options = { trustDomain: "cluster.local" };

type Data = Readonly<Record<string, string>>;

function encoded(files: Data): Data {
  return Object.fromEntries(
    Object.entries(files).map(([name, value]) => [name, Buffer.from(value).toString("base64")]),
  );
}

/** An API server with those Secrets, in which somebody else makes `heddle-ca` when `rival` is about to be beaten. */
function apiServer(secrets: Map<string, Data>, rival?: Data) {
  const request = async (
    method: string,
    path: string,
    {
      body,
    }: { readonly body?: { readonly metadata: { readonly name: string }; readonly stringData: Data } } = {},
  ) => {
    if (method === "POST" && body !== undefined) {
      if (rival !== undefined) {
        secrets.set(body.metadata.name, rival);
        throw new KubernetesError(409, "AlreadyExists", "another was faster");
      }
      secrets.set(body.metadata.name, encoded(body.stringData));
      return { metadata: body.metadata, data: encoded(body.stringData) };
    }
    const name = path.slice(path.lastIndexOf("/") + 1);
    const data = secrets.get(name);
    if (data === undefined) throw new KubernetesError(404, "NotFound", `no ${name}`);
    return { metadata: { name }, data };
  };
  return { request: request as <T>() => Promise<T> };
}

test("the authority is made once, and found by the next replica", async () => {
  const secrets = new Map<string, Data>();
  const made = await authorityOfCluster(apiServer(secrets), options);
  const again = await authorityOfCluster(apiServer(secrets), options);
  assert.deepEqual([...secrets.keys()], ["heddle-ca"]);
  assert.equal(again.rootPem, made.rootPem);
});

test("who is slower uses what the faster one has made", async () => {
  const rival = makeAuthorityFiles(options);
  const authority = await authorityOfCluster(apiServer(new Map(), encoded(rival)), options);
  assert.equal(authority.rootPem, rival["root-cert.pem"]);
});

test("a user's own authority is used in the stead of ours, and nothing is made", async () => {
  const own = makeAuthorityFiles({ trustDomain: "example.org" });
  const secrets = new Map([["cacerts", encoded(own)]]);
  assert.equal((await authorityOfCluster(apiServer(secrets), options)).rootPem, own["root-cert.pem"]);
  assert.deepEqual([...secrets.keys()], ["cacerts"]);
});

test("a Secret that makes no authority is named", async () => {
  const { "ca-key.pem": _, ...broken } = makeAuthorityFiles(options);
  const secrets = new Map([["cacerts", encoded(broken)]]);
  await assert.rejects(
    authorityOfCluster(apiServer(secrets), options),
    /Secret heddle-system\/cacerts has no ca-key\.pem/,
  );
});
