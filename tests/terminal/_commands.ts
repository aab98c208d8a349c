/**
 * The commands of README.md, of the tutorial and of the help pages' examples, run one after the other in
 * a pseudo-terminal, as a reader would: small networks and few images, the commands else as they stand.
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { commands } from "../../cli/commands/mod.ts";
import { commandLines, pages, shellBlocks } from "../docs/_markdown.ts";
import { assertTidy, Session, terminalTest } from "./_terminal.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Networks of a few thousand parameters, trained for three steps. */
const tinyModel = ["model.embedDim=32", "model.heads=2", "model.depth=4", "schedule.steps=3"];
const quickEvaluation = ["evaluation.knn.atEnd=false", "evaluation.linear.atEnd=false"];

/** What makes the commands quick; what is shown is the same without it. */
const smaller: Readonly<Record<string, readonly string[]>> = {
  tokenizer: [...tinyModel, "codebook.kmeansTokensPerCode=1", "teacher.hog.fitImages=20"],
  pretrain: [...tinyModel, "model.earlyLayers=1", "model.headLayers=1", ...quickEvaluation],
  finetune: [...tinyModel],
  "linear-probe": ["probe.epochs=1", "batchSize=20"],
  segment: ["schedule.steps=2"],
};

/** What a reader has and this test has not: the command must then end in one line that says so. */
const absent =
  /imagenet|ade20k|streets|\.pth|cifar10|vqkd_encoder|failures\/|convert vit |--fixtures fixtures|_in1k|beitv2_base|dinov2\.onnx/;
/** Hours of work, or a page that is served: looked at for a while, then ended by Ctrl-C. */
const endless =
  /task (serve|playground(?!:)|study|parity|segment|tokens-report$)\b|doctor (?!--quick)|doctor$|--dry-run|--train-tokenizer/;
/** Not a command of this program, or one of its own tests. */
const others = /task (test|install|fmt)\b|^(mkdir|tar)|^(cat|mpirun|tensorboard)/;

/** Recipes are for the full size: of those nothing is made smaller. */
function shrink(line: string): string {
  const name = line.match(/deno task (\S+)/)?.[1] ?? "";
  if (/--config|--resume|--dry-run|--checkpoint.*--set model|--checkpoint beitv2/.test(line)) {
    return line;
  }
  // Of the bundled pictures few are enough; of one's own there are few.
  const few = name === "linear-probe" && !line.includes("--data") ? ["data.labelFraction=0.1"] : [];
  return [line, ...[...(smaller[name] ?? []), ...few].map((set) => `--set ${set}`)].join(" ");
}

/** A command line as it is run here: with this Deno, and names of what lies in the folder. */
function asRun(line: string): string {
  return shrink(
    line.replace(/ +#.*$/, "").replace(/^npx --yes deno@\S+/, "deno").replaceAll(
      "path/to/images",
      "photos",
    )
      .replaceAll(/\s+/g, " ").trim(),
  );
}

/** Command lines as they are run here, each once. */
function toRun(lines: readonly string[]): string[] {
  return [...new Set(lines.map(asRun))].filter((line) => !others.test(line));
}

/** Those of README.md and the tutorial, in their order. */
export function documented(): string[] {
  return toRun(
    ["README.md", "docs/tutorial.md"].flatMap((path) =>
      shellBlocks(pages().find((page) => page.path === path)!).flatMap(commandLines)
    ),
  );
}

/** The examples of the help pages, in the order in which they need each other's results. */
export function examples(): string[] {
  const order = [/task tokenizer /, /task data check /, /task pretrain /, /task finetune /];
  const place = (line: string) => {
    const found = order.findIndex((pattern) => pattern.test(`${line} `));
    return found < 0 ? order.length : found;
  };
  const lines = commands.flatMap((entry) => "commands" in entry ? entry.commands : [entry])
    .flatMap(({ examples }) => examples.map(([line]) => `deno task ${line}`));
  return toRun(lines.toSorted((a, b) => place(a) - place(b)));
}

/** The first command of each task, and those that train what others read. */
function onePerTask(lines: readonly string[]): string[] {
  const seen = new Set<string>();
  return lines.filter((line) => {
    const name = line.match(/deno task (\S+)/)?.[1] ?? line;
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew || line.includes("--out runs/") || !line.includes("deno task");
  });
}

/** A folder that holds the project by links, a few pictures, and a home. */
async function prepare(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-commands-" });
  for await (const { name } of Deno.readDir(root)) {
    if (/^(\.|runs$|photos$|pictures$)/.test(name)) continue;
    // The study and the parity page are written below docs/: those are the reader's own here.
    if (name === "docs") Deno.mkdirSync(`${folder}/docs`);
    // Deno adds to it what a command loads on demand.
    else if (name === "main.lock") Deno.copyFileSync(`${root}${name}`, `${folder}/${name}`);
    else await Deno.symlink(`${root}${name}`, `${folder}/${name}`);
  }
  const unpack = new Deno.Command("sh", {
    args: [
      "-ec",
      "mkdir -p photos; tar -xzf assets/fashion-mnist.tar.gz -C photos; mkdir home; ln -s ../photos ../runs home; " +
      // Few of each class, and pictures by the names that the examples use.
      "for c in photos/*/*; do ls $c | tail -n +5 | while read f; do rm $c/$f; done; done; " +
      "for f in photo.jpg cat.jpg; do cp tests/fixtures/images/photo_500x375.jpg $f; done; " +
      "cp tests/fixtures/images/coffee.png boot.png",
    ],
    cwd: folder,
  });
  assert.equal((await unpack.output()).code, 0);
  // The tutorial's recipe of one's own, which it writes with a here-document.
  const tutorial = Deno.readTextFileSync(`${root}docs/tutorial.md`);
  for (const [, name, text] of tutorial.matchAll(/^cat > (\S+) <<'END'\n([\s\S]*?)^END$/gm)) {
    Deno.writeTextFileSync(`${folder}/${name}`, text);
  }
  return folder;
}

/** Waits for the other tests whose commands listen on the same port; call what it returns at the end. */
async function aloneOnItsPort(line: string, cwd: string): Promise<() => void> {
  if (!/task (serve|playground(?!:))\b/.test(line)) return () => {};
  const file = await Deno.open(`${dirname(cwd)}/mimic-port-of-tests.lock`, {
    create: true,
    write: true,
  });
  await file.lock(true);
  // Closing it lets the next one go on.
  return () => file.close();
}

/** Runs one line and looks at what is left on the screen. */
async function runLine(line: string, cwd: string, columns: number): Promise<void> {
  const leave = await aloneOnItsPort(line, cwd);
  try {
    await runAlone(line, cwd, columns);
  } finally {
    leave();
  }
}

async function runAlone(line: string, cwd: string, columns: number): Promise<void> {
  const session = new Session(`sh -c '${line.replaceAll("'", `'\\''`)}'`, {
    columns,
    cwd,
    env: { HOME: `${cwd}/home`, MIMIC_CACHE: `${cwd}/cache` },
    timeout: 240,
  });
  let isStopped = false;
  if (endless.test(line)) {
    const timers = [
      setTimeout(() => {
        isStopped = true;
        session.type("\x03").catch(() => {});
      }, 8000),
      // Whoever has waited so long presses it again. Sooner it could meet a program that is ending, and
      // the terminal would leave its own "^C" on the line.
      setTimeout(() => session.type("\x03").catch(() => {}), 30_000),
    ];
    session.end().finally(() => timers.forEach(clearTimeout)).catch(() => {});
  }
  const ended = await session.end();
  assertTidy(ended, line);
  const seen = `\`${line}\` at ${columns} columns\n${ended.screen.rows().join("\n")}`;
  assert.doesNotMatch(seen, /a bug in mimic/, seen);
  if (isStopped) assert.ok([0, 130].includes(ended.code), seen);
  else if (absent.test(line)) assert.ok([0, 2].includes(ended.code), seen);
  else assert.equal(ended.code, 0, seen);
}

/** Tests that run commands in a narrow terminal, and one of each task in a wide one. */
export function commandsTest(what: string, lines: readonly string[]): void {
  for (const columns of [80, 200]) {
    terminalTest(`${what}: every command is clean at ${columns} columns`, async () => {
      const folder = await prepare();
      const faults: string[] = [];
      try {
        for (const line of columns === 80 ? lines : onePerTask(lines)) {
          await runLine(line, folder, columns).catch((error) => faults.push(error.message));
        }
        assert.equal(faults.length, 0, faults.join("\n\n"));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
