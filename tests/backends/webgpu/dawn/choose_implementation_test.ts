import assert from "node:assert/strict";
import {
  chooseImplementation,
  type ImplementationSteps,
} from "../../../../backends/webgpu/dawn/choose_implementation.ts";
import { UserError } from "../../../../core/errors.ts";
import { fetchDawn } from "../../../../deps/dawn.ts";

/** The choice where Dawn is here and its matrix units compute, but for what `other` says. */
async function choose(other: Partial<ImplementationSteps<string>> = {}) {
  const closed: string[] = [];
  const choice = await chooseImplementation({
    hasGpu: true,
    isDawnHere: true,
    openOwn: () => Promise.resolve("own"),
    openDawn: () => Promise.resolve("dawn"),
    usesMatrixUnits: () => true,
    close: (backend) => Promise.resolve(void closed.push(backend)),
    ...other,
  });
  return { ...choice, closed };
}

Deno.test("auto takes Dawn where it is here and brings matrix units", async () => {
  assert.deepEqual(await choose(), { backend: "dawn", notes: [], closed: [] });
});

Deno.test("auto names the command that fetches Dawn, on a real GPU alone", async () => {
  const { backend, notes } = await choose({ isDawnHere: false });
  assert.equal(backend, "own");
  assert.ok(notes.length === 1 && notes[0].includes(fetchDawn), notes[0]);
  assert.deepEqual((await choose({ isDawnHere: false, hasGpu: false })).notes, []);
  assert.equal((await choose({ hasGpu: false })).backend, "own");
});

Deno.test("auto stays with the runtime's own if Dawn has no matrix units or does not start", async () => {
  const without = await choose({ usesMatrixUnits: () => false });
  assert.deepEqual([without.backend, without.closed], ["own", ["dawn"]]);
  assert.match(without.notes[0], /^Dawn not used: no matrix units/);
  const refused = await choose({
    openDawn: () => Promise.reject(new UserError("Dawn finds no adapter")),
  });
  assert.deepEqual(refused.notes, ["Dawn not used: Dawn finds no adapter"]);
  const openDawn = () => Promise.reject(new TypeError("a fault of ours"));
  await assert.rejects(choose({ openDawn }), TypeError);
});
