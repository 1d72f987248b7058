// What headers can be, and parameters of a query.
import { commandFault, withCommands } from "./commands.ts";

/** Whether a name, in whatever case, is one of the two of the Host. */
export function isHost(name: string): boolean {
  return [":authority", "host"].includes(name.toLowerCase());
}

/** Whether it is the name of a header that can be added and removed. */
export function isOrdinary(name: string): boolean {
  return !name.startsWith(":") && !isHost(name);
}

/** Whether a text can be the name of a header, or of a cookie. https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
export function isToken(text: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(text);
}

/** Bytes of a name and of a value, as proxies have them. */
const longest = 16_384;

/** Why there is no header with this name; the message says what to do. */
export function nameFault(name: string): string | undefined {
  if (name.length > longest) return `has a name of more than ${longest} bytes; shorten it`;
  return isToken(name.replace(/^:/, ""))
    ? undefined
    : `${JSON.stringify(name)} is no name of a header; use letters, digits and -`;
}

/** Why a text cannot be a part of a request or of an answer that is one line; the message says what to do. */
export function lineFault(text: string): string | undefined {
  if (/[\0\r\n]/.test(text)) return "has a line break; write it in one line";
  return Buffer.byteLength(text) > longest ? `has more than ${longest} bytes; shorten it` : undefined;
}

/** Why there is no header with this name and value, in which commands are filled in; the message says what to do. */
export function headerFault(name: string, value: string): string | undefined {
  const line = lineFault(withCommands(value));
  return nameFault(name) ?? (line === undefined ? commandFault(value) : `the value of ${name} ${line}`);
}

/** The same for a value that is what it is. */
export function literalFault(name: string, value: string): string | undefined {
  return headerFault(name, value.replaceAll("%", "%%"));
}

/** Bytes of the longest name of a parameter that proxies look for. */
const longestParameter = 1_024;

/** Why no parameter of a query has this name; the message says what to do. */
export function parameterFault(name: string): string | undefined {
  if (name === "") return "a parameter of a query has a name; write it";
  return Buffer.byteLength(name) > longestParameter
    ? `a parameter has a name of more than ${longestParameter} bytes; shorten it`
    : undefined;
}
