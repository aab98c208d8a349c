import assert from "node:assert/strict";
import { createImageDecoder } from "../../data/images/decode.ts";
import type { TokensReport } from "../../report/tokens_report.ts";
import { tokensReportPage } from "../../report/tokens_report.ts";

const picture = { width: 4, height: 4, data: Uint8Array.from({ length: 48 }, (_, i) => 5 * i) };
const report: TokensReport = {
  checkpoint: 'runs/"codes" & more',
  data: "photos",
  grid: 2,
  figures: [["codes in use", "75.0 %"]],
  accuracies: [{ name: "this tokenizer", share: 0.7, text: "70.0 %", role: "model" }],
  hits: [5, 2, 1, 0],
  colors: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9),
  pictures: [{
    id: "<script>alert(1)</script>.png",
    className: "boots & shoes",
    picture,
    tokens: Int32Array.of(0, 0, 1, 2),
  }],
  gallery: [{ code: 0, share: 0.625, patches: [picture, picture] }],
};

/** The pictures that a page shows. */
function addresses(page: string): string[] {
  return [...page.matchAll(/<img src="([^"]+)"/g)].map(([, address]) => address);
}

Deno.test("the page shows real pictures, and needs nothing from elsewhere", async () => {
  const page = await tokensReportPage(report);
  const decoder = await createImageDecoder({ native: false });
  const found = addresses(page);
  assert.equal(found.length, 4);
  const decoded = await Promise.all(found.map(async (address) => {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    return await decoder.decode(bytes, "shown.png");
  }));
  assert.deepEqual([...decoded[0].data], [...picture.data]);
  // The map: 60 % of the colour of each patch's code over the picture.
  const expected = (at: number, color: number) => Math.round(0.4 * picture.data[at] + 0.6 * color);
  assert.deepEqual([...decoded[1].data.subarray(0, 3)], [
    expected(0, 255),
    expected(1, 0),
    expected(2, 0),
  ]);
  const last = 45;
  assert.equal(decoded[1].data[last + 2], expected(last + 2, 255));
  assert.ok(!/<script|https?:|src="(?!data:)|@import|url\(/.test(page));
});

Deno.test("texts of the user's are shown as they are, and no markup", async () => {
  const page = await tokensReportPage(report);
  assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;.png"));
  assert.ok(page.includes("runs/&quot;codes&quot; &amp; more"));
  assert.ok(page.includes("boots &amp; shoes"));
  assert.ok(page.includes("3 of 4 codes in use"));
  assert.ok(page.includes("62.5 % of all tokens"));
  assert.match(page, /3 different codes/);
});

Deno.test("the page fits phones and both colour schemes, and every picture has a text", async () => {
  const page = await tokensReportPage(report);
  assert.match(page, /<meta name="viewport" content="width=device-width/);
  assert.match(page, /prefers-color-scheme:dark/);
  assert.equal(
    (page.match(/<img /g) ?? []).length,
    (page.match(/<img [^>]*alt="[^"]+"/g) ?? []).length,
  );
  assert.equal((page.match(/<svg /g) ?? []).length, (page.match(/aria-label="/g) ?? []).length);
});

Deno.test("images without labels make a page without accuracies", async () => {
  const page = await tokensReportPage({ ...report, accuracies: null });
  assert.ok(!page.includes("k-NN accuracy by code histograms"));
});
