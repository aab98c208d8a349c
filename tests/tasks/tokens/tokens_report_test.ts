import assert from "node:assert/strict";
import { Job } from "../../../cli/running/job.ts";
import { tokensReport as command } from "../../../cli/commands/tokens_report.ts";
import { tokensReport } from "../../../tasks/tokens/tokens_report.ts";
import { withFolder, writeTinyTokenizer } from "../_tiny.ts";

Deno.test("tokensReport() measures codes on labelled images and shows them", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyTokenizer(folder);
    const options = { checkpoint, backend, images: 300, data: { workers: 0 } };
    const { page, figures } = await tokensReport(options);
    assert.equal(figures.codes, 32);
    assert.ok(figures.images >= 300 && figures.images < 364, `${figures.images}`);
    assert.equal(figures.codebookUsage, 1 - figures.deadCodes / 32);
    assert.ok(figures.codebookPerplexity > 1 && figures.codebookPerplexity <= 32);
    assert.equal(figures.chance, 0.1);
    // Even codes by random weights tell a shoe from a shirt.
    assert.ok(figures.knnTop1! > 0.3, `${figures.knnTop1}`);
    assert.ok(figures.pixels!.knnTop1! > 0.3, `${figures.pixels!.knnTop1}`);
    assert.ok(figures.pixels!.codebookUsage > 0.9, `${figures.pixels!.codebookUsage}`);
    const pictures = page.match(/<img src="data:image\/png;base64,/g) ?? [];
    assert.ok(pictures.length > 24 + 24, `${pictures.length} pictures`);
    // Twelve images of ten classes: none is left out.
    for (const name of ["t-shirt", "trouser", "sandal", "bag", "ankle-boot"]) {
      assert.ok(page.includes(`<figcaption>${name} · `), name);
    }
    assert.deepEqual((await tokensReport(options)).figures, figures);
  });
});

Deno.test("images without labels have no accuracies", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyTokenizer(folder);
    Deno.mkdirSync(`${folder}/images`);
    for (let seed = 0; seed < 5; seed++) {
      const pixels = Uint8Array.from({ length: 256 }, (_, i) => (i * (seed + 3)) % 250);
      const head = new TextEncoder().encode("P5 16 16 255\n");
      Deno.writeFileSync(`${folder}/images/${seed}.pgm`, new Uint8Array([...head, ...pixels]));
    }
    const { page, figures } = await tokensReport({
      checkpoint,
      backend,
      data: { workers: 0, source: `${folder}/images` },
    });
    assert.equal(figures.images, 5);
    assert.equal(figures.testImages, 0);
    assert.equal(figures.knnTop1, undefined);
    assert.ok(!page.includes("What the codes tell"));
    assert.ok(page.includes("4.pgm"));
  });
});

Deno.test("tokens-report writes the page and prints its figures", async () => {
  await withFolder(async (folder) => {
    const flags = {
      checkpoint: await writeTinyTokenizer(folder),
      out: `${folder}/tokens.html`,
      images: 64,
      backend: "cpu",
      threads: 1,
      workers: 0,
      quiet: true,
    };
    const lines: string[] = [];
    const documents: unknown[] = [];
    const context = {
      signal: new AbortController().signal,
      job: new Job(),
      print: (line: string) => void lines.push(line),
      note: () => {},
      printJson: (value: unknown) => void documents.push(value),
    };
    await command.run({ flags: { ...flags, json: true }, arguments: {} }, context);
    const [figures] = JSON.parse(JSON.stringify(documents));
    assert.equal(figures.codes, 32);
    assert.equal(figures.out, flags.out);
    assert.ok(figures.knnTop1 >= 0 && figures.pixels.knnTop1 >= 0);
    assert.match(Deno.readTextFileSync(flags.out), /<title>Visual tokens<\/title>/);
    await command.run({ flags: { ...flags, json: false }, arguments: {} }, context);
    assert.match(lines.join("\n"), /of 32 codes in use.*\n.*k-NN on code histograms/);
  });
});
