/** Whether a host, which may be `*` or begin with `*`, means all that another means. */
export function coversHost(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith("*") && host.endsWith(pattern.slice(1)));
}
