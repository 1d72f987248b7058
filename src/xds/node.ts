// What a proxy says of itself. Nothing of it says who it is.
import type { JsonObject } from "@bufbuild/protobuf";
import type { Node as NodeMessage } from "@heddle/envoy-api/envoy/config/core/v3/base";

export interface Node {
  /** Empty if it says none. */
  readonly id: string;
  readonly metadata: JsonObject;
  /** Of the program: `1.40.0`; empty if it says none. */
  readonly version: string;
}

/** What is left out is empty. */
export function nodeOf(message: NodeMessage | undefined): Node {
  return { id: message?.id ?? "", metadata: message?.metadata ?? {}, version: versionOf(message) };
}

function versionOf(message: NodeMessage | undefined): string {
  if (message?.userAgentVersionType.case !== "userAgentBuildVersion") return "";
  const { version } = message.userAgentVersionType.value;
  return version === undefined ? "" : `${version.majorNumber}.${version.minorNumber}.${version.patch}`;
}
