/** Whether images can be used to learn classes, and to test them. @module */

import { UserError } from "../../core/errors.ts";
import type { Source } from "../../data/sources/source.ts";

/** Throws a `UserError` if a source has fewer than two classes. */
export function requireLabels(source: Source, name: string): void {
  const { classes } = source;
  if (classes.length >= 2) return;
  if (classes.length === 1) {
    const nested = source.notes?.find((note) => note.includes("give --data"));
    throw new UserError(
      `Cannot learn classes from "${name}": all its images are in one class folder, "${
        classes[0]
      }"`,
      {
        hint: nested?.slice(nested.indexOf("give --data")) ??
          "put each class into its own folder",
      },
    );
  }
  const loose = source.length > 0 && !source.entry(0).id.includes("/");
  throw new UserError(
    `Cannot learn classes from "${name}": its images have no class labels` +
      (loose ? `; "${source.entry(0).id}" is not in a class folder` : ""),
    { hint: "put each class into its own folder" },
  );
}

/** A split of a data set in words: `"photos/val"`. */
function partName(source: Pick<Source, "split">, name: string): string {
  return source.split === undefined ? `"${name}"` : `"${name}/${source.split}"`;
}

/** Why images cannot be tested with the classes of others, or null. */
export function classMismatch(
  train: Pick<Source, "classes" | "split">,
  test: Source,
  name: string,
): { readonly message: string; readonly hint: string } | null {
  const [here, there] = [partName(train, name), partName(test, name)];
  const missing = train.classes.find((label) => !test.classes.includes(label));
  if (missing !== undefined) {
    return {
      message: `the class "${missing}" of ${here} has no images in ${there}`,
      hint: "move some of its images there: both need the same class folders",
    };
  }
  const unknown = test.classes.find((label) => !train.classes.includes(label));
  if (unknown !== undefined) {
    return {
      message: `the class "${unknown}" of ${there} has no images in ${here}`,
      hint: "remove its folder, or give it training images: both need the same class folders",
    };
  }
  const isSame = train.classes.every((label, index) => label === test.classes[index]);
  return isSame ? null : {
    message: `the classes of ${there} are numbered differently from those of ${here}`,
    hint: "give both the same list of classes",
  };
}

/** Throws a `UserError` that names the class if two splits of a data set have different ones. */
export function requireSameClasses(
  train: Pick<Source, "classes" | "split">,
  test: Source,
  name: string,
): void {
  const mismatch = classMismatch(train, test, name);
  if (mismatch === null) return;
  throw new UserError(`Cannot evaluate: ${mismatch.message}`, { hint: mismatch.hint });
}
