// IPv4 addresses and ranges of them.

const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;

/** Whether a text is an IPv4 address, or a CIDR range of them. */
export function isIpv4Range(text: string): boolean {
  const match = ipv4.exec(text);
  return (
    match !== null && match.slice(1, 5).every((part) => Number(part) < 256) && Number(match[5] ?? 32) <= 32
  );
}

/** Whether a text is one IPv4 address. */
export function isIpv4(text: string): boolean {
  return isIpv4Range(text) && !text.includes("/");
}

/** Whether all addresses of one range, or one address, are in another. */
export function isWithin(inner: string, range: string): boolean {
  const a = parsed(inner);
  const b = parsed(range);
  if (a === undefined || b === undefined || a.length < b.length) return false;
  const size = 2 ** (32 - b.length);
  return Math.floor(a.first / size) === Math.floor(b.first / size);
}

function parsed(range: string): { readonly first: number; readonly length: number } | undefined {
  if (!isIpv4Range(range)) return undefined;
  const [address = "", length = "32"] = range.split("/");
  return {
    first: address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0),
    length: Number(length),
  };
}
