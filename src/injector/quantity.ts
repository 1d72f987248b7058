const factors: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Bytes of an amount of memory such as `256Mi`; undefined if it is none. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
export function memoryBytes(quantity: string): number | undefined {
  const [, amount, suffix = ""] = /^(\d+(?:\.\d+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(quantity) ?? [];
  const factor = factors[suffix];
  return amount === undefined || factor === undefined ? undefined : Math.floor(Number(amount) * factor);
}
