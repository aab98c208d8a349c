/** Finds the hints of errors in the source. */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Folders without errors of the program's own. */
const others = new Set(["tests", "tools", "docs", "assets", ".git", "node_modules"]);

/** A place in the source that gives an error its hint. */
export interface HintSite {
  /** `data/loader/loader.ts:177` */
  readonly place: string;
  /** What stands there, as code. */
  readonly code: string;
  /** The texts that it may come to, `…` for what is filled in; none where it only names a variable. */
  readonly texts: readonly string[];
}

function* sourceFiles(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(root + folder)) {
    if (isDirectory && !others.has(name)) yield* sourceFiles(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

/** Where a quoted text that begins at `start` ends, and the text with `…` for its parts of code. */
function readQuoted(code: string, start: number): { end: number; text: string } {
  const quote = code[start];
  let text = "";
  let at = start + 1;
  while (code[at] !== quote) {
    if (code[at] === "\\") {
      text += code[at + 1];
      at += 2;
    } else if (quote === "`" && code.startsWith("${", at)) {
      text += "…";
      at = endOf(code, at + 2) + 1;
    } else {
      text += code[at++];
    }
  }
  return { end: at + 1, text };
}

/** Where the expression that begins at `start` ends: at a comma, or at a bracket of what is around it. */
function endOf(code: string, start: number, texts: string[] = []): number {
  let depth = 0;
  for (let at = start; at < code.length;) {
    const character = code[at];
    if (code.startsWith("//", at)) {
      at = code.indexOf("\n", at);
    } else if (`"'\``.includes(character)) {
      const { end, text } = readQuoted(code, at);
      const before = code.slice(start, at).trimEnd();
      // Texts that are added up are one.
      if (before.endsWith("+") && texts.length > 0) texts[texts.length - 1] += text;
      else texts.push(text);
      at = end;
    } else {
      if ("([{".includes(character)) depth++;
      if (")]}".includes(character) && depth-- === 0) return at;
      if (character === "," && depth === 0) return at;
      if (character === ";" && depth === 0) return at;
      at++;
    }
  }
  return code.length;
}

/** All `hint: …` and `const hint = …` of the source. */
export function hintSites(): HintSite[] {
  const sites: HintSite[] = [];
  for (const path of sourceFiles("")) {
    const code = Deno.readTextFileSync(root + path);
    for (const found of code.matchAll(/^(?!\s*\*).*?\bhint(?::| =)(?! string\b)\s*/gm)) {
      const start = found.index + found[0].length;
      const texts: string[] = [];
      const expression = code.slice(start, endOf(code, start, texts)).trim();
      const place = `${path}:${code.slice(0, start).split("\n").length}`;
      // Words to compare with are no hints.
      const whole = texts.filter((text) => /\s/.test(text.trim()));
      sites.push({ place, code: expression, texts: whole });
    }
  }
  return sites;
}
