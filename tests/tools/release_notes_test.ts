import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { releaseNotes, sectionsOf } from "../../tools/release_notes.ts";

const changelog =
  "# Changelog\n\n## Unreleased\n\n- new\n\n## 0.2.0 (2026-12-01)\n\n### Fixes\n\n" +
  "- **a:** one\n  line\n\n## 0.1.0\n\n- first\n";

Deno.test("the notes of a version are its section, without its title", () => {
  assert.equal(releaseNotes(changelog, "0.2.0"), "### Fixes\n\n- **a:** one\n  line");
  assert.equal(releaseNotes(changelog, "0.1.0"), "- first");
  assert.throws(() => releaseNotes(changelog, "0.3.0"), {
    message: "Cannot find version 0.3.0 in CHANGELOG.md: it has Unreleased, 0.2.0, 0.1.0; for a " +
      "release, rename the section Unreleased",
  });
});

Deno.test("the newest released version of the changelog is that of deno.json", () => {
  const text = Deno.readTextFileSync(new URL("../../CHANGELOG.md", import.meta.url));
  const [first, ...others] = sectionsOf(text).keys();
  const released = first === "Unreleased" ? others : [first, ...others];
  for (const version of released) assert.match(version, /^\d+\.\d+\.\d+$/);
  // Before the first release there is none.
  assert.equal(released[0] ?? project.version, project.version);
});
