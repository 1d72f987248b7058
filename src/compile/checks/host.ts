import { meantHostnames } from "../services.ts";
import { type CheckFinding, error } from "./finding.ts";

/** What is wrong with a host, written in an object of `namespace`, that names nothing. */
export function unknownHost(field: string, host: string, namespace: string): CheckFinding {
  const hostname = meantHostnames(host, namespace).at(-1) ?? host;
  const means = hostname === host ? "names" : `means ${hostname},`;
  const message = `${host} ${means} no Service and no ServiceEntry; define it or correct the host`;
  return error(field, message, "NoMatchingParent");
}
