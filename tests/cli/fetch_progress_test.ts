import assert from "node:assert/strict";
import { fetchLine, libraryFolders } from "../../cli/fetch_progress.ts";

Deno.test("libraryFolders() leaves out what other machines take", () => {
  const npm = {
    "@scope/one@1.2.3_@other+two@4.0.0": {},
    "mac@1.0.0": { os: ["darwin"], cpu: ["arm64"] },
    "windows@1.0.0": { os: ["win32"] },
    "linux@1.0.0": { os: ["linux"], cpu: ["x64"] },
  };
  const on = (os: string, arch: string) => libraryFolders(npm, { os, arch }).slice(1);
  assert.equal(libraryFolders(npm, { os: "linux", arch: "aarch64" }).join(), "@scope/one/1.2.3");
  assert.deepEqual(on("linux", "x86_64"), ["linux/1.0.0"]);
  assert.deepEqual(on("darwin", "aarch64"), ["mac/1.0.0"]);
  assert.deepEqual(on("windows", "x86_64"), ["windows/1.0.0"]);
});

Deno.test("fetchLine() shows a bar where the share is known, and is narrower than the terminal", () => {
  const plain = "Fetching libraries, once: 140 MB on disk  12s";
  assert.equal(fetchLine(12, null, 80), plain);
  assert.equal(fetchLine(12, 0.5, 80), `━━━━━━━━────────   50 %  ${plain}`);
  assert.equal(fetchLine(1234, 1, 40).length, 39);
});
