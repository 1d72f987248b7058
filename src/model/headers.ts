// What headers can be, and what proxies make of some.

/** Whether a name, in whatever case, is one of the two of the Host. */
export function isHost(name: string): boolean {
  return [":authority", "host"].includes(name.toLowerCase());
}

/** Whether it is the name of a header that can be added and removed. */
export function isOrdinary(name: string): boolean {
  return !name.startsWith(":") && !isHost(name);
}

/** Why there is no header with this name and value; the message says what to do. */
export function headerFault(name: string, value: string): string | undefined {
  if (!/^:?[\w!#$%&'*+.^`|~-]+$/.test(name)) {
    return `${JSON.stringify(name)} is no name of a header; use letters, digits and -`;
  }
  return /[\0\r\n]/.test(value) ? `the value of ${name} has a line break; write it in one line` : undefined;
}

/** A value in which Envoy's commands, such as `%PROTOCOL%`, are filled in: a percent sign that begins none is one. */
export function withCommands(value: string): string {
  return value.replaceAll(/%%|%[A-Z][A-Z0-9_]*(?:\(.*?\))?(?::\d+)?%|%/g, (found) =>
    found === "%" ? "%%" : found,
  );
}
