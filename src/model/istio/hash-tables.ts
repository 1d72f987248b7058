// How requests with one key find one endpoint.
import type { HashTable } from "../policy.ts";
import type { ConsistentHash } from "./load-balancer.ts";

/** Istio's default, and that of Envoy's Maglev. */
const [ringSize, tableSize] = [1_024, 65_537];

/** Envoy's bounds. */
export const [largestRing, largestTable] = [8_388_608, 5_000_011];

/** API type → domain type. Sizes that cannot be are as if they were not said. */
export function hashTable({ ringHash, maglev, minimumRingSize }: ConsistentHash): HashTable {
  if (maglev !== undefined) {
    const { tableSize: size = tableSize } = maglev;
    return { kind: "maglev", tableSize: isTableSize(size) ? size : tableSize };
  }
  const size = ringHash?.minimumRingSize ?? minimumRingSize ?? ringSize;
  return { kind: "ringHash", minimumSize: size > 0 && size <= largestRing ? size : ringSize };
}

/** Whether Envoy can have a table of this size. */
export function isTableSize(size: number): boolean {
  return size <= largestTable && isPrime(size);
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let factor = 2; factor * factor <= value; factor++) if (value % factor === 0) return false;
  return true;
}
