import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { pages, shellBlocks, wordsOf } from "./_markdown.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Networks of a few thousand parameters, trained for three steps. */
const tinyModel = ["model.embedDim=32", "model.heads=2", "model.depth=2", "schedule.steps=3"];

/** What makes the commands of the tutorial quick; the reader's are the same without it. */
const smaller: Readonly<Record<string, readonly string[]>> = {
  doctor: ["--quick"],
  tokenizer: [...tinyModel, "codebook.kmeansTokensPerCode=1", "teacher.hog.fitImages=20"],
  pretrain: [...tinyModel, "model.earlyLayers=1", "model.headLayers=1"],
  finetune: tinyModel,
  "linear-probe": ["probe.epochs=1", "batchSize=20"],
};

/** Images of a class that are left in each split, for speed. */
const imagesOfClass = 4;

/** A block whose commands are given what makes them quick. */
function shrink(block: string): string {
  return block.split("\n").map((line) => {
    const [deno, task, name] = wordsOf(line);
    if (deno !== "deno" || task !== "task" || line.includes("--dry-run")) return line;
    const more = (smaller[name] ?? []).map((word) =>
      word.startsWith("--") ? word : `--set ${word}`
    );
    return [line, ...more].join(" ");
  }).join("\n");
}

/** A folder that holds the project by links: what commands write into it stays apart. */
async function projectCopy(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-tutorial-" });
  for await (const { name } of Deno.readDir(root)) {
    if (/^(\.|runs$|photos$|pictures$)/.test(name)) continue;
    await Deno.symlink(`${root}${name}`, `${folder}/${name}`);
  }
  return folder;
}

async function thinOut(photos: string): Promise<void> {
  for (const split of ["train", "test"]) {
    for await (const { name } of Deno.readDir(`${photos}/${split}`)) {
      const files = [...Deno.readDirSync(`${photos}/${split}/${name}`)].map((file) => file.name);
      for (const file of files.sort().slice(imagesOfClass)) {
        Deno.removeSync(`${photos}/${split}/${name}/${file}`);
      }
    }
  }
}

/** Starts `serve`, waits for its address, asks for the page, and stops it. */
async function checkServe(line: string, cwd: string, env: Record<string, string>): Promise<void> {
  const child = new Deno.Command("sh", {
    args: ["-c", `exec ${line} --port 0`],
    cwd,
    env,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  try {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      const address = output.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
      if (address === undefined) continue;
      const response = await fetch(address);
      assert.ok(response.ok && (await response.text()).includes("<html"), address);
      break;
    }
    assert.match(output, /http:\/\//, "serve says its address");
  } finally {
    child.kill("SIGTERM");
    await child.stderr.cancel();
    await child.status;
  }
}

Deno.test({
  name: "docs/tutorial.md: every command runs, one after the other",
  ignore: Deno.build.os === "windows",
}, async () => {
  const page = pages().find(({ path }) => path === "docs/tutorial.md")!;
  const cwd = await projectCopy();
  const bin = await Deno.makeTempDir({ prefix: "mimic-bin-" });
  await Deno.symlink(Deno.execPath(), `${bin}/deno`);
  const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, NO_COLOR: "1" };
  try {
    for (const block of shellBlocks(page)) {
      if (block.startsWith("deno task serve")) {
        await checkServe(block.trim(), cwd, env);
        continue;
      }
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-e", "-c", shrink(block)],
        cwd,
        env,
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      assert.equal(code, 0, `${block}\n${decoder.decode(stdout)}${decoder.decode(stderr)}`);
      if (block.includes("tar -x")) await thinOut(`${cwd}/photos`);
    }
    for (
      const file of [
        "pictures/views.png",
        "pictures/masks.png",
        "pictures/attention.png",
        "pictures/pca.png",
        "runs/tokens.html",
        "runs/photos/report.html",
        "runs/classifier/best.safetensors",
        "exported/timm/config.json",
        "exported/huggingface/model.safetensors",
        "classifier.onnx",
        "features.safetensors",
      ]
    ) assert.ok(Deno.statSync(`${cwd}/${file}`).size > 0, file);
  } finally {
    await Deno.remove(bin, { recursive: true });
    await Deno.remove(cwd, { recursive: true });
  }
});
