// How large the numbers are that proxies can be told.

/** The largest of 32 bits: of requests, connections, attempts as good as no limit. */
export const largestCount = 2 ** 32 - 1;

/** Whether it is the number of a port. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}

/** What is said of one that is none. */
export function noPort(port: number): string {
  return `${port} is no port; use one from 1 to 65535`;
}
