/** A range of IPv4 addresses, `length` bits of which are fixed. */
export interface AddressRange {
  readonly base: number;
  readonly length: number;
}

/** Reads `10.0.0.0/8` or a single address; undefined for anything else, IPv6 included. */
export function parseRange(text: string): AddressRange | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1, 5).map(Number);
  const length = match[5] === undefined ? 32 : Number(match[5]);
  if (length > 32 || bytes.some((byte) => byte > 255)) return undefined;
  const address = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return { base: address - (address % sizeOf(length)), length };
}

/** The ranges without those that lie in another one, in order of address: nft refuses sets that overlap. */
export function mergeRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const merged: AddressRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.base - b.base || a.length - b.length)) {
    const last = merged.at(-1);
    if (last === undefined || range.base >= last.base + sizeOf(last.length)) merged.push(range);
  }
  return merged;
}

export function formatRange({ base, length }: AddressRange): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${bytes.join(".")}/${length}`;
}

function sizeOf(length: number): number {
  return 2 ** (32 - length);
}
