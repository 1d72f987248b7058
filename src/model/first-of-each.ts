/** Of several items with one key the first, in their order. */
export function firstOfEach<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string | number,
): readonly Item[] {
  const keys = new Set<string | number>();
  return items.filter((item) => !keys.has(keyOf(item)) && keys.add(keyOf(item)));
}
