import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { histogramOf, merged, quantile, rebucketed } from "./histogram.ts";

const bounds = [1, 2, 5, 10];

test("a quantile lies within its bucket in proportion", () => {
  const histogram = histogramOf([0, 10, 10, 0, 0]);
  assert.equal(quantile(histogram, bounds, 0.25), 1.5);
  assert.equal(quantile(histogram, bounds, 0.5), 2);
  assert.equal(quantile(histogram, bounds, 1), 5);
});

test("beyond the last bound the last bound is all that is known", () => {
  assert.equal(quantile(histogramOf([0, 0, 0, 0, 3]), bounds, 0.99), 10);
});

test("without samples there is no quantile", () => {
  assert.equal(quantile(histogramOf([0, 0, 0]), bounds, 0.5), null);
});

test("merging adds the samples bucket by bucket", () => {
  const buckets = fc.array(fc.nat(100), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(buckets, buckets, (left, right) => {
      const sums = left.map((count, i) => count + (right[i] ?? 0));
      assert.deepEqual(merged(histogramOf(left), histogramOf(right)), histogramOf(sums));
    }),
  );
});

test("samples in other buckets land where their upper bound does", () => {
  assert.deepEqual([...rebucketed([1, 2, 3], [1.5, 4], bounds)], [0, 1, 2, 0, 3]);
  assert.deepEqual([...rebucketed([1, 2, 3, 4, 5], bounds, bounds)], [1, 2, 3, 4, 5]);
});
