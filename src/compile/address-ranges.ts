// IPv4 addresses and the CIDR ranges that they are in.

/** Whether an address is in a range `10.0.0.0/8`, or is the one written there without a length. */
export function isInRange(address: string, range: string): boolean {
  const parsed = parseRange(range);
  const number = parseIpv4(address);
  if (parsed === undefined || number === undefined) return false;
  const size = 2 ** (32 - parsed.length);
  return Math.floor(number / size) === Math.floor(parsed.start / size);
}

/** Whether a text is an IPv4 address or a CIDR range of them. */
export function isRange(text: string): boolean {
  return parseRange(text) !== undefined;
}

function parseRange(text: string): { readonly start: number; readonly length: number } | undefined {
  const [address = "", lengthText = "32", ...rest] = text.split("/");
  const start = parseIpv4(address);
  const length = /^\d{1,2}$/.test(lengthText) ? Number(lengthText) : Number.NaN;
  return start !== undefined && length <= 32 && rest.length === 0 ? { start, length } : undefined;
}

function parseIpv4(text: string): number | undefined {
  if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte < 256)
    ? bytes.reduce((number, byte) => number * 256 + byte, 0)
    : undefined;
}
