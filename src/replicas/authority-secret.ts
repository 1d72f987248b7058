// The certificate authority of a cluster: one Secret, made by whichever replica comes first.
import {
  type Authority,
  type AuthorityOptions,
  authorityOf,
  makeAuthorityFiles,
} from "#identity/authority.ts";
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import { authoritySecret, systemNamespace, usersAuthoritySecret } from "#model/installation.ts";
import type { Secret } from "#model/kubernetes/configuration.ts";

const collection = `/api/v1/namespaces/${systemNamespace}/secrets`;

type Client = Pick<KubernetesClient, "request">;

/**
 * The user's own authority if there is one, else that of the mesh, which is made if it is missing. All replicas that do
 * this at once end with the same. Throws `KubernetesError` when the API server does not let us, and `Error` with the
 * Secret's name when what it holds is no authority.
 */
export async function authorityOfCluster(client: Client, options: AuthorityOptions): Promise<Authority> {
  const own = await read(client, usersAuthoritySecret);
  if (own !== undefined) return authorityOfSecret(own, options);
  const made = (await read(client, authoritySecret)) ?? (await make(client, options));
  return authorityOfSecret(made, options);
}

async function make(client: Client, options: AuthorityOptions): Promise<Secret> {
  const body: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: authoritySecret, namespace: systemNamespace },
    type: "Opaque",
    stringData: makeAuthorityFiles(options),
  };
  try {
    return await client.request<Secret>("POST", collection, { body });
  } catch (error) {
    if (!(error instanceof KubernetesError && error.reason === "AlreadyExists")) throw error;
    return client.request<Secret>("GET", `${collection}/${authoritySecret}`);
  }
}

async function read(client: Client, name: string): Promise<Secret | undefined> {
  try {
    return await client.request<Secret>("GET", `${collection}/${name}`);
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  }
}

function authorityOfSecret({ metadata, data = {} }: Secret, options: AuthorityOptions): Authority {
  const files = Object.entries(data).map(
    ([name, value]) => [name, Buffer.from(value, "base64").toString()] as const,
  );
  return authorityOf(new Map(files), `Secret ${systemNamespace}/${metadata.name}`, options);
}
