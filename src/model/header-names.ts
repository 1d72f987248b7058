// Names of headers that proxies treat otherwise than headers.

/** Whether a name, in whatever case, is one of the two of the Host. */
export function isHost(name: string): boolean {
  return [":authority", "host"].includes(name.toLowerCase());
}

/** Whether it is the name of a header that can be added and removed. */
export function isOrdinary(name: string): boolean {
  return !name.startsWith(":") && !isHost(name);
}
