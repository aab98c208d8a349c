import assert from "node:assert/strict";
import { Generator } from "../../core/generator.ts";

Deno.test("Generator gives the same draws for the same seed and path only", () => {
  const draws = (generator: Generator) => Array.from({ length: 4 }, () => generator.bits());
  const path = () => Generator.from(0).split("crop", 1, 2);
  assert.deepEqual(draws(path()), draws(path()));
  const others = [
    Generator.from(1).split("crop", 1, 2),
    Generator.from(0).split("crop", 2, 1),
    Generator.from(0).split("mask", 1, 2),
    Generator.from(0).split("crop", 1).split("", 2),
    Generator.from(0),
  ];
  for (const other of others) assert.notDeepEqual(draws(other), draws(path()));
});

Deno.test("split() does not depend on draws made before it, nor change the later ones", () => {
  const a = Generator.from(5);
  const b = Generator.from(5);
  a.split("x");
  assert.equal(a.bits(), b.bits());
});

Deno.test("fromState() continues where state was taken", () => {
  const generator = Generator.from(9);
  generator.next();
  const copy = Generator.fromState(generator.state);
  assert.deepEqual([copy.next(), copy.next()], [generator.next(), generator.next()]);
});

Deno.test("uniform, integer, normal and permutation have the distribution they promise", () => {
  const generator = Generator.from(3).split("statistics");
  const n = 20000;
  const mean = (draw: () => number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += draw();
    return sum / n;
  };
  assert.ok(Math.abs(mean(() => generator.uniform(2, 4)) - 3) < 0.02);
  assert.ok(Math.abs(mean(() => generator.integer(0, 9)) - 4.5) < 0.1);
  assert.ok(Math.abs(mean(() => generator.normal())) < 0.03);
  assert.ok(Math.abs(mean(() => generator.normal() ** 2) - 1) < 0.05);
  const counts = new Array(10).fill(0);
  for (let i = 0; i < n; i++) counts[generator.integer(0, 9)]++;
  for (const count of counts) assert.ok(Math.abs(count - n / 10) < 200, `${counts}`);
  const first = new Array(5).fill(0);
  for (let i = 0; i < 5000; i++) first[generator.permutation(5)[0]]++;
  for (const count of first) assert.ok(Math.abs(count - 1000) < 150, `${first}`);
  assert.deepEqual([...generator.permutation(50)].sort((a, b) => a - b), [...Array(50).keys()]);
});
