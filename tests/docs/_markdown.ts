/** The documentation as the tests read it: pages, their shell snippets, the words of a line. */
const root = new URL("../../", import.meta.url);

/** A page by its path in the project. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

function* markdownBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory) yield* markdownBelow(`${folder}${name}/`);
    else if (name.endsWith(".md")) yield `${folder}${name}`;
  }
}

/** README.md, CONTRIBUTING.md and all of docs/. */
export function pages(): Page[] {
  return ["README.md", "CONTRIBUTING.md", ...markdownBelow("docs/")].sort().map((path) => ({
    path,
    text: Deno.readTextFileSync(new URL(path, root)),
  }));
}

/** The blocks of a page that are marked as a shell's, in order. */
export function shellBlocks({ text }: Pick<Page, "text">): string[] {
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block);
}

/** The command lines of a block: continued lines joined, without comments and here-documents. */
export function commandLines(block: string): string[] {
  return block.replaceAll(/<<'?(\w+)'?\n[\s\S]*?^\1$/gm, "").replaceAll("\\\n", " ").split("\n")
    .map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/** Command lines in the text itself: what stands in backticks and begins with `deno task `. */
export function inlineCommands({ text }: Pick<Page, "text">): string[] {
  const withoutBlocks = text.replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...withoutBlocks.matchAll(/`(deno task [^`]+)`/g)]
    .map(([, line]) => line.replaceAll(/\s+/g, " "));
}

/** The words of a command as a shell splits them; a comment, a pipe or a redirection ends it. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  const pattern = /\s*(#.*$|(?:"[^"]*"|'[^']*'|[^\s"'])+)/gy;
  for (const [, word] of line.trim().matchAll(pattern)) {
    if (/^(#|>>?$|\||&)/.test(word)) break;
    words.push(word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single));
  }
  return words;
}
