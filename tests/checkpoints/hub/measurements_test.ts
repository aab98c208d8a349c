import assert from "node:assert/strict";
import { join } from "node:path";
import { openMeasurements } from "../../../checkpoints/hub/measurements.ts";

/** Runs `body` with a folder that is gone after it. */
async function withFolder(body: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what was measured is there in the next process, by its key", () =>
  withFolder((folder) => {
    const inside = join(folder, "not", "there yet");
    assert.equal(openMeasurements(inside).get("a GPU"), undefined);
    openMeasurements(inside).set("a GPU", [1, "two"]);
    assert.deepEqual(openMeasurements(inside).get("a GPU"), [1, "two"]);
    assert.equal(openMeasurements(inside).get("another GPU"), undefined);
    assert.equal([...Deno.readDirSync(inside)].length, 1);
  }));

Deno.test("damaged files, and places that cannot be written, are no error", () =>
  withFolder((folder) => {
    openMeasurements(folder).set("a GPU", 1);
    const [{ name }] = Deno.readDirSync(folder);
    Deno.writeTextFileSync(join(folder, name), "{");
    assert.equal(openMeasurements(folder).get("a GPU"), undefined);
    const nowhere = openMeasurements(join(folder, name, "a file is no folder"));
    nowhere.set("a GPU", 2);
    assert.equal(nowhere.get("a GPU"), 2);
    const noFolder = openMeasurements(null);
    noFolder.set("a GPU", 3);
    assert.equal(noFolder.get("a GPU"), 3);
  }));

Deno.test({
  name: "without permissions nothing is asked for, and measurements last as long as the process",
  permissions: "none",
  fn() {
    const measurements = openMeasurements();
    measurements.set("a GPU", 1);
    assert.equal(measurements.get("a GPU"), 1);
  },
});
