/** What the suffixes of an amount of memory mean. */
export const memoryFactors: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** Bytes of an amount of memory such as `256Mi`; undefined if it is none. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
export function memoryBytes(quantity: string): number | undefined {
  const [, amount, suffix = ""] = /^(\d+)([A-Za-z]*)$/.exec(quantity) ?? [];
  const factor = memoryFactors[suffix];
  return amount === undefined || factor === undefined ? undefined : Number(amount) * factor;
}
