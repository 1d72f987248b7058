import { type CheckFinding, error } from "../finding.ts";
import { meantHostnames } from "../services/services.ts";

/** What is wrong with a host, written in an object of `namespace`, that names nothing. */
export function unknownHost(field: string, host: string, namespace: string): CheckFinding {
  return error(field, `${meaning(host, namespace)}; define it or correct the host`, "NoMatchingParent");
}

function meaning(host: string, namespace: string): string {
  const [hostname = host, short] = meantHostnames(host, namespace);
  const [name, space] = host.split(".");
  if (short !== undefined)
    return `${host} names no ServiceEntry, and no Service ${name} of namespace ${space}`;
  return `${host} ${hostname === host ? "names" : `means ${hostname},`} no Service and no ServiceEntry`;
}
