/**
 * Checks who imports whom: the arrows of docs/architecture.md, no circles, `npm:` specifiers only in `deps/`,
 * `Deno` only where it may be used, and tfjs' engine only in `backends/tfjs/`; and that no file is longer than
 * 350 lines.
 *
 * Run by `deno task test`; on its own: `deno task check:imports`.
 *
 * @module
 */

/** What each folder may import besides itself and `deps/`. */
const below = ["core", "distributed", "backends", "models", "data", "configs", "checkpoints"];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  deps: [],
  core: [],
  distributed: ["core"],
  backends: ["core", "distributed"],
  models: ["core", "backends"],
  data: ["core"],
  checkpoints: ["core", "models"],
  configs: ["core"],
  report: ["core"],
  pipeline: [...below, "report"],
  methods: [...below, "report", "pipeline"],
  tasks: [...below, "report", "pipeline", "methods"],
  "browser.ts": ["core", "distributed", "backends", "models"],
  "mod.ts": ["browser.ts", ...below, "report", "pipeline", "methods", "tasks"],
};

/** Folders that may import everything: the command line and what is not shipped. */
const unlimited = new Set([
  "cli",
  "main.ts",
  "tests",
  "bench",
  "tools",
  "scripts",
  "docs",
  "examples",
  "playground",
]);

/** Type-only imports run nothing: these layers may name each other's types. */
const mayImportTypes: Readonly<Record<string, readonly string[]>> = {
  report: ["configs", "pipeline"],
  models: ["configs"],
  checkpoints: ["configs"],
  data: ["configs"],
};

/** Where `Deno` may be used: the outer layers of the project, and foreign functions by file name. */
function mayUseDeno(path: string): boolean {
  return /^(cli|data|checkpoints|tests|bench|tools|scripts|docs|examples)\//.test(path) ||
    /^playground\/(?:disk\/)?\w+\.ts$/.test(path) || path === "main.ts" || path.endsWith("_ffi.ts");
}

/** Names of tfjs' engine, of its registry of backends, and of private fields of its backends. */
const engineNames = [
  "ENGINE",
  "registryFactory",
  "tensorMap",
  "commandQueueOwnedIds",
  "computePassEncoder",
  "dispatchCountInPass",
  "bufferManager",
  ...["engine", "registerBackend", "removeBackend", "findBackend", "findBackendFactory"]
    .map((name) => `tf.${name}`),
  "tf.copyRegisteredKernels",
];
const engineInternals = new RegExp(`\\b(${engineNames.join("|").replaceAll(".", "\\.")})\\b`);

function mayReachIntoTfjs(path: string): boolean {
  return /^(backends\/tfjs|tests)\//.test(path);
}

/** A source file and what it imports, both relative to the project. */
export interface ModuleImports {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly { readonly to: string; readonly isType: boolean }[];
  /** Specifiers of packages and URLs that it imports. */
  readonly packages: readonly string[];
}

/** Maximum number of lines in a file: a longer one has more than one purpose. */
const mostLines = 350;

/** The layer of a project path: its folder, or the file itself at the root. */
function layerOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path;
}

/** The text without comments and strings, in which `Deno.` means Deno. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""')
    .replace(/(^|[^:])\/\/.*$/gm, "$1");
}

/** All violations in a set of modules, one line each. */
export function findViolations(modules: readonly ModuleImports[]): string[] {
  const violations: string[] = [];
  for (const { path, text, imports, packages } of modules) {
    const layer = layerOf(path);
    if (!unlimited.has(layer)) {
      const allowed = mayImport[layer];
      if (allowed === undefined) violations.push(`${path}: unknown folder "${layer}"`);
      for (const { to, isType } of imports) {
        const target = layerOf(to);
        const types = isType ? mayImportTypes[layer] ?? [] : [];
        const isFree = target === layer || target === "deps" || to.endsWith(".json");
        if (isFree || allowed === undefined) continue;
        if (!allowed.includes(target) && !types.includes(target)) {
          violations.push(`${path}: "${layer}" must not import "${to}"`);
        }
      }
    }
    const lines = text.split("\n").length - 1;
    if (lines > mostLines) violations.push(`${path}: has ${lines} lines, more than ${mostLines}`);
    const code = codeOf(text);
    if (!mayUseDeno(path) && /\bDeno\s*[.[?]/.test(code)) {
      violations.push(`${path}: uses Deno outside cli/, data/, checkpoints/, main.ts and *_ffi.ts`);
    }
    if (!mayReachIntoTfjs(path) && engineInternals.test(code)) {
      violations.push(`${path}: reaches into tfjs' engine outside backends/tfjs/`);
    }
    if (layer !== "deps") {
      for (const name of packages) violations.push(`${path}: names "${name}" outside deps/`);
    }
  }
  return violations;
}

/**
 * Modules that import each other, directly or through others, including type-only and dynamic imports.
 *
 * @returns each circle's paths in alphabetical order
 */
export function findCircles(modules: readonly ModuleImports[]): string[][] {
  const importsOf = new Map(modules.map(({ path, imports }) => [path, imports]));
  const reach = (from: string): Set<string> => {
    const found = new Set<string>();
    const left = [from];
    for (let path = left.pop(); path !== undefined; path = left.pop()) {
      for (const { to } of importsOf.get(path) ?? []) {
        if (!found.has(to)) left.push(to);
        found.add(to);
      }
    }
    return found;
  };
  const reached = new Map(modules.map(({ path }) => [path, reach(path)]));
  const circles = new Map<string, string[]>();
  for (const [path, own] of reached) {
    if (!own.has(path)) continue;
    const circle = [...own].filter((other) => reached.get(other)?.has(path)).sort();
    circles.set(circle[0], circle);
  }
  return [...circles.values()];
}

interface InfoDependency {
  specifier: string;
  code?: { specifier?: string };
  type?: { specifier?: string };
  isDynamic?: boolean;
}

interface InfoGraph {
  modules: { kind?: string; specifier: string; error?: string; dependencies?: InfoDependency[] }[];
}

/** The project's files according to `git ls-files`, including new ones. */
export async function projectFiles(root: URL): Promise<string[]> {
  const { success, stdout } = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"],
    cwd: root,
    stdout: "piped",
  }).output();
  const listed = success ? new TextDecoder().decode(stdout).split("\n") : [];
  const present = listed.filter((path) => path !== "" && path.endsWith(".ts"));
  return present.filter((path) => {
    try {
      return Deno.statSync(new URL(path, root)).isFile;
    } catch {
      return false;
    }
  });
}

/** Reads the import graph of the project's own files from `deno info --json`. */
async function readModules(root: URL): Promise<ModuleImports[]> {
  const files = (await projectFiles(root)).filter((path) => !path.startsWith("tests/fixtures/"));
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = files.map((path) => `import ${JSON.stringify(new URL(path, root).href)};`);
    await Deno.writeTextFile(entry, lines.join("\n"));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-lock", "--config", new URL("deno.json", root).pathname, entry],
      cwd: root,
      stdout: "piped",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const graph = JSON.parse(new TextDecoder().decode(stdout)) as InfoGraph;
    return graph.modules.flatMap((module) => {
      // Missing files and syntax errors are for the type check to report.
      if (!module.specifier.startsWith(root.href) || module.error !== undefined) return [];
      const path = decodeURIComponent(module.specifier.slice(root.href.length));
      if (!path.endsWith(".ts") || path.endsWith(".d.ts")) return [];
      const imports = (module.dependencies ?? []).flatMap(({ code, type }) => {
        const target = code?.specifier ?? type?.specifier;
        if (target === undefined || !target.startsWith(root.href)) return [];
        const to = decodeURIComponent(target.slice(root.href.length));
        return [{ to, isType: code?.specifier === undefined }];
      });
      const packages = (module.dependencies ?? []).map((dependency) => dependency.specifier)
        .filter((specifier) => /^(npm|jsr|https?):/.test(specifier));
      return [{ path, text: Deno.readTextFileSync(new URL(path, root)), imports, packages }];
    });
  } finally {
    await Deno.remove(entry);
  }
}

if (import.meta.main) {
  const modules = await readModules(new URL("../", import.meta.url));
  const circles = findCircles(modules);
  const violations = [
    ...findViolations(modules),
    ...circles.map((circle) => `these import each other: ${circle.join(", ")}`),
  ];
  for (const violation of violations) console.error(violation);
  console.error(`${modules.length} modules, ${violations.length} layer violations`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}
