/**
 * A small event file with everything that a run writes, the same bytes every time.
 *
 * `deno run -A tests/report/_golden_events.ts` writes tests/fixtures/tensorboard anew; what TensorBoard's
 * reader finds in it is then to be read anew as well:
 * `python tools/verify_tensorboard.py tests/fixtures/tensorboard --dump > tests/fixtures/tensorboard/read.json`
 */
import { frameRecord } from "../../checkpoints/store/event_file.ts";
import { encodePng } from "../../report/png.ts";
import * as events from "../../report/tensorboard/events.ts";
import { hparamsEnd, hparamsStart } from "../../report/tensorboard/hparams.ts";
import { valueHistogram } from "../../report/tensorboard/value_histogram.ts";

/** Values of a histogram, on both sides of zero and far apart. */
export const spreadValues = [-3, -0.5, -1e-9, 0, 1e-13, 0.25, 0.25, 7, 1e6, NaN, Infinity];

/** The events of the file. */
export async function goldenEvents(): Promise<Uint8Array[]> {
  const picture = { width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 0, 0, 255) };
  const png = await encodePng(picture);
  const time = 1_700_000_000.5;
  const hparams = new Map<string, string | number | boolean>([
    ["optimizer.lr", 0.0015],
    ["data.shuffle", true],
    ["task", "pretrain"],
  ]);
  return [
    events.fileVersion(time),
    events.summary({ step: 0, time }, hparamsStart({ hparams, metrics: ["train/loss"], time })),
    events.summary({ step: 1, time: time + 1 }, [
      events.scalar("train/loss", 5.25),
      events.scalar("optimizer/learningRate", 1e-3),
    ]),
    events.summary({ step: 300, time: time + 2 }, [
      events.scalar("train/loss", NaN),
      events.histogram("weights/w", valueHistogram(spreadValues)!),
      events.image("pictures", { ...picture, png }),
    ]),
    events.sessionStart({ step: 250, time: time + 3 }),
    events.summary({ step: 5_000_000_000, time: time + 4 }, [
      events.scalar("train/loss", -0.1),
      events.histogram("weights/w", valueHistogram(spreadValues)!),
      events.image("pictures", { ...picture, png }),
    ]),
    events.summary({ step: 5_000_000_000, time: time + 5 }, [hparamsEnd("success", time + 5)]),
  ];
}

/** The folder of the golden file. */
export const goldenFolder = new URL("../fixtures/tensorboard/", import.meta.url);
/** The name of the golden file. */
export const goldenFile = new URL("events.out.tfevents.0000000001.mimic", goldenFolder);

if (import.meta.main) {
  await Deno.mkdir(goldenFolder, { recursive: true });
  const records = (await goldenEvents()).map(frameRecord);
  await Deno.writeFile(goldenFile, new Uint8Array(await new Blob(records).arrayBuffer()));
}
