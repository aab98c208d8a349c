/** Takes a hint at its word. */
import type { Following } from "./_row.ts";

/** A pattern of a text in which `…` stands for anything. */
export function patternOf(text: string, anything = ".+?"): string {
  return text.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(anything);
}

/** The words of a message that a text with `…` for single words stands for. */
function wordsIn(message: string, text: string): string[] {
  // The hint comes last; a list of numbers has commas within.
  const found = [
    ...message.matchAll(new RegExp(`${patternOf(text, "[^\\s`;]+?")}(?=$|[\\s\`;?]|, )`, "g")),
  ].at(-1);
  if (found === undefined) throw new Error(`the message does not say "${text}": ${message}`);
  return found[0].split(" ");
}

/** A command without a flag and its value. */
function without(words: readonly string[], flag: string): string[] {
  const at = words.indexOf(flag);
  if (at < 0) return [...words];
  const hasValue = at + 1 < words.length && !words[at + 1].startsWith("--");
  return [...words.slice(0, at), ...words.slice(at + (hasValue ? 2 : 1))];
}

/** A command with a flag in the place of one of the same name; `--set` adds up. */
function withFlag(words: readonly string[], given: readonly string[]): string[] {
  // Of a key that is set twice, the last counts; a text without a key is no setting at all.
  const isBad = (word: string, at: number) => words[at - 1] === "--set" && !word.includes("=");
  const kept = given[0] === "--set"
    ? words.filter((word, at) => !isBad(word, at) && !isBad(words[at + 1] ?? "=", at + 1))
    : without(words, given[0].split("=")[0]);
  return [...kept, ...given];
}

/**
 * The command that a hint recommends.
 *
 * @param fill puts the fixtures into a text
 */
export function follow(
  following: Following,
  words: readonly string[],
  message: string,
  fill: (text: string) => string[],
): string[] {
  if ("add" in following) return withFlag(words, wordsIn(message, following.add));
  if ("fill" in following) {
    wordsIn(message, following.fill);
    return withFlag(words, [following.fill, ...fill(following.value)]);
  }
  if ("drop" in following) {
    wordsIn(message, following.drop);
    return without(words, following.drop);
  }
  if ("replace" in following) {
    const [replace, by] = [following.replace, following.by].map((text) => fill(text).join(" "));
    if (!message.includes(`"${by}"?`)) throw new Error(`the message does not propose "${by}"`);
    return words.map((word) => word.replace(replace, by));
  }
  const [, , ...rest] = wordsIn(message, following.run);
  return [...rest, ...fill(following.rest ?? "")];
}
