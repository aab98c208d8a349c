/** Reads one recipe file: JSONC, YAML or a module, with the line of each key. */
import { parseTree, printParseErrorCode } from "../deps/jsonc_parser.ts";
import type { JsoncError, JsoncNode } from "../deps/jsonc_parser.ts";
import { messageOf, UserError } from "../core/errors.ts";
import { formatValue } from "./issues.ts";
import { isSection, type RawConfig } from "./layers.ts";
import { checkNesting, withinStack } from "./nesting.ts";

/** A recipe as written. */
export interface Source {
  readonly values: RawConfig;
  /** The line of each key, from 1; a module has none. */
  readonly lines: ReadonlyMap<string, number>;
  /** The comment at the top of the file, without its slashes. */
  readonly header: string;
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset && i < text.length; i++) if (text[i] === "\n") line++;
  return line;
}

function valueOf(node: JsoncNode, key: string, text: string, lines: Map<string, number>): unknown {
  if (node.type === "array") {
    return (node.children ?? []).map((child, i) => valueOf(child, `${key}.${i}`, text, lines));
  }
  if (node.type !== "object") return node.value;
  const values: RawConfig = {};
  for (const property of node.children ?? []) {
    const [name, child] = property.children ?? [];
    if (child === undefined) continue;
    const full = key === "" ? String(name.value) : `${key}.${name.value}`;
    lines.set(full, lineAt(text, name.offset));
    // defineProperty, so that a key named `__proto__` is data and not a prototype.
    Object.defineProperty(values, String(name.value), {
      value: valueOf(child, full, text, lines),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return values;
}

function headerOf(text: string): string {
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const comment = line.match(/^\s*(?:\/\/|#) ?(.*)$/);
    if (comment === null) break;
    lines.push(comment[1].trimEnd());
  }
  return lines.join("\n");
}

function checkedRoot(value: unknown, label: string): RawConfig {
  checkNesting(value, label);
  if (isSection(value)) return value;
  throw new UserError(
    `Cannot read recipe "${label}": expected an object of config keys, found ${formatValue(value)}`,
  );
}

/** What a run's `config.json` contains: the config and the origin of each value. */
function runConfigIn(values: RawConfig): RawConfig | null {
  const { config, origins } = values;
  const isOfRun = isSection(config) && isSection(origins) && typeof config.task === "string";
  return isOfRun ? config : null;
}

/** Parses JSON with comments and trailing commas; from a run's `config.json`, returns the config in it. */
export function parseJsonc(text: string, label: string): Source {
  const errors: JsoncError[] = [];
  const options = { allowTrailingComma: true, disallowComments: false };
  const root = withinStack(() => parseTree(text, errors, options), label);
  if (errors.length > 0 || root === undefined) {
    const { error, offset } = errors[0] ?? { error: 4, offset: 0 };
    const words = printParseErrorCode(error).replace(/(?<=.)([A-Z])/g, " $1").toLowerCase();
    throw new UserError(`Cannot read recipe "${label}:${lineAt(text, offset)}": ${words}`);
  }
  const lines = new Map<string, number>();
  const values = withinStack(() => valueOf(root, "", text, lines), label);
  const checked = checkedRoot(values, label);
  const config = runConfigIn(checked);
  if (config === null) return { values: checked, lines, header: headerOf(text) };
  const inner = [...lines].filter(([key]) => key.startsWith("config."));
  return {
    values: config,
    lines: new Map(inner.map(([key, line]) => [key.slice("config.".length), line])),
    header: "",
  };
}

/** The lines of the keys in a block-style YAML document, found by indentation. */
function yamlLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  const path: { indent: number; key: string }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const match = line.match(/^(\s*)(?:"([^"]+)"|'([^']+)'|([^\s#"'{\[-][^:#]*)):(?:\s|$)/);
    if (match === null) continue;
    const indent = match[1].length;
    while (path.length > 0 && path[path.length - 1].indent >= indent) path.pop();
    path.push({ indent, key: (match[2] ?? match[3] ?? match[4]).trim() });
    lines.set(path.map((part) => part.key).join("."), index + 1);
  }
  return lines;
}

async function parseYamlSource(text: string, label: string): Promise<Source> {
  const { parseYaml } = await import("../deps/std_yaml.ts");
  let value: unknown;
  try {
    value = withinStack(() => parseYaml(text), label);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const place = messageOf(error).split("\n")[0].replace(/:$/, "");
    throw new UserError(`Cannot read recipe "${label}": ${place}`, { cause: error });
  }
  return { values: checkedRoot(value, label), lines: yamlLines(text), header: headerOf(text) };
}

async function fetchText(url: URL, label: string): Promise<string> {
  let found = "";
  try {
    const response = await fetch(url);
    if (response.ok) return await response.text();
    found = `the server answered ${response.status}`;
    await response.body?.cancel();
  } catch (error) {
    found = url.protocol === "file:" ? notAFile(error) : messageOf(error);
  }
  throw new UserError(`Cannot read recipe "${label}": ${found}`, {
    hint: "`deno task config list` shows the bundled ones",
  });
}

/** For a missing local file, `fetch` only says "NetworkError"; permission errors say more. */
function notAFile(error: unknown): string {
  const message = messageOf(error);
  return /access|permission/i.test(message) ? message : "there is no such file";
}

/** Runs a recipe that is a module and returns its default export. */
async function runModule(url: URL, label: string): Promise<Source> {
  let module: { default?: unknown };
  try {
    module = await import(url.href);
  } catch (error) {
    throw new UserError(`Cannot read recipe "${label}": ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
  checkNesting(module.default, label);
  const values = checkedRoot(structuredClone(module.default), label);
  return { values, lines: new Map(), header: "" };
}

/**
 * Reads and parses the recipe at a URL; the format follows from its name.
 *
 * @param mayRun whether it may be a module: code runs only if the user named the file, never if
 * another file or a server did
 */
export async function readSource(url: URL, label: string, mayRun: boolean): Promise<Source> {
  const extension = url.pathname.match(/\.[a-z]+$/)?.[0] ?? "";
  switch (extension) {
    case ".json":
    case ".jsonc":
      return parseJsonc(await fetchText(url, label), label);
    case ".yaml":
    case ".yml":
      return await parseYamlSource(await fetchText(url, label), label);
    case ".ts":
    case ".js":
    case ".mjs":
      if (mayRun && url.protocol === "file:") return await runModule(url, label);
      throw new UserError(
        mayRun
          ? `Cannot read recipe "${label}": a module from another machine would run here`
          : `Cannot read recipe "${label}": a file names it, and a module would run`,
        {
          hint: mayRun
            ? "look at it, save it, and give its path; JSON and YAML are read from a URL too"
            : "write it as .jsonc or .yaml, or name the module on the command line with --config",
        },
      );
    default:
      throw new UserError(
        `Cannot read recipe "${label}": expected a .jsonc, .json, .yaml, .yml or .ts file, ` +
          `found ${extension === "" ? "no extension" : `"${extension}"`}`,
      );
  }
}
