/**
 * `deno task release:notes`: prints what CHANGELOG.md says of the version in `deno.json`, or of the
 * one given.
 *
 * @module
 */
import project from "../deno.json" with { type: "json" };

/** What the changelog says of each version, in its order; the first may be `Unreleased`. */
export function sectionsOf(changelog: string): Map<string, string> {
  const [, ...sections] = changelog.split(/^## /m);
  return new Map(sections.map((section) => {
    const [title, ...lines] = section.split("\n");
    // A date may follow.
    return [title.split(" ")[0], lines.join("\n").trim()];
  }));
}

/**
 * The notes of one version.
 *
 * @throws Error of one line if the changelog has no such version
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = sectionsOf(changelog);
  const notes = sections.get(version);
  if (notes !== undefined) return notes;
  throw new Error(
    `Cannot find version ${version} in CHANGELOG.md: it has ${[...sections.keys()].join(", ")}; ` +
      "for a release, rename the section Unreleased",
  );
}

if (import.meta.main) {
  const changelog = Deno.readTextFileSync(new URL("../CHANGELOG.md", import.meta.url));
  try {
    console.log(releaseNotes(changelog, Deno.args[0] ?? project.version));
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    Deno.exit(2);
  }
}
