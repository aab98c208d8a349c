/**
 * What a worker does: reads, decodes, transforms and masks the samples of a chunk.
 *
 * @module
 */
import { now } from "../../core/clock.ts";
import { messageOf, UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import { createImageDecoder, type ImageDecoder } from "../images/decode.ts";
import { DecodeCache, type DecodeCacheMemory } from "./decode_cache.ts";
import type { RgbImage } from "../images/image.ts";
import { decodeLabels } from "../sources/decode_labels.ts";
import type { LabelMap } from "../sources/label_map.ts";
import { type BlockMaskOptions, sampleMask } from "../augment/mask.ts";
import { type SampleFile, StoredFileReader } from "./sample_file.ts";
import {
  hasEqualViews,
  tokenizerSizeOf,
  type Transform,
  transformImage,
  type Views,
} from "../augment/transform.ts";

/** What all chunks have in common; it can be sent to workers. */
export interface ProducerSettings {
  readonly transform: Transform;
  /** Masks to draw; none if undefined. */
  readonly mask: Omit<BlockMaskOptions, "choose"> | undefined;
  readonly seed: number;
  /** Epochs after which the crops repeat; null: never. */
  readonly cropsPerImage: number | null;
  readonly exif: boolean;
  /** Maximum number of pixels in an image. */
  readonly maxPixels: number;
  readonly decoder: "auto" | "native" | "portable";
  /** What locations without a path refer to. */
  readonly memory: Uint8Array | undefined;
  readonly cache: DecodeCacheMemory | undefined;
}

/** One sample to produce. */
export interface SampleJob extends Omit<SampleFile, "id" | "label"> {
  readonly epoch: number;
}

/** The samples of a chunk, one after another; failed ones are zeros. */
export interface ChunkResult {
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Undefined if the tokenizer sees the same pixels. */
  readonly tokenizerPixels: Uint8Array<ArrayBuffer> | undefined;
  readonly mask: Uint8Array<ArrayBuffer> | undefined;
  /** The class of each pixel, if the transform is that of segmentation. */
  readonly labelMaps: Uint8Array<ArrayBuffer> | undefined;
  /** Which samples failed, by their position in the chunk, and why. */
  readonly failures: readonly { readonly slot: number; readonly message: string }[];
  /** Time spent, by stage: waiting for files and decoders, views, masks. */
  readonly seconds: Readonly<Record<"load" | "augment" | "mask", number>>;
}

/** An image that is ready for its transform. */
interface Loaded {
  readonly image: RgbImage;
  readonly labels: LabelMap | undefined;
}

/** Files decoded in parallel, so that native decoding overlaps our own code. */
const inFlight = 3;

/** Makes chunks. */
export class Producer {
  readonly #settings: ProducerSettings;
  readonly #decoder: ImageDecoder;
  readonly #reader: StoredFileReader;
  readonly #cache: DecodeCache | undefined;
  readonly #root: Generator;

  private constructor(settings: ProducerSettings, decoder: ImageDecoder) {
    this.#settings = settings;
    this.#decoder = decoder;
    this.#reader = new StoredFileReader(settings.memory);
    this.#cache = settings.cache && new DecodeCache(settings.cache);
    this.#root = Generator.from(settings.seed);
  }

  /** A producer with its decoder loaded. */
  static async create(settings: ProducerSettings): Promise<Producer> {
    const native = settings.decoder === "auto" ? "auto" : settings.decoder === "native";
    return new Producer(settings, await createImageDecoder({ native }));
  }

  /** Which library decodes. */
  get decoderName(): ImageDecoder["name"] {
    return this.#decoder.name;
  }

  async #labels({ annotation, path }: SampleJob, image: RgbImage): Promise<LabelMap | undefined> {
    const { transform } = this.#settings;
    if (transform.kind !== "segmentation" || annotation === undefined) return undefined;
    const labels = await decodeLabels(await this.#reader.read(annotation), annotation.path, {
      decoder: this.#decoder,
      isReduced: transform.isReduced,
      maxPixels: this.#settings.maxPixels,
    });
    if (labels.width !== image.width || labels.height !== image.height) {
      throw new UserError(
        `Cannot use the label map "${annotation.path}": it has ${labels.width} × ${labels.height} ` +
          `pixels, and the image "${path}" has ${image.width} × ${image.height}`,
      );
    }
    return labels;
  }

  async #load(job: SampleJob): Promise<Loaded> {
    const image = await this.#image(job);
    return { image, labels: await this.#labels(job, image) };
  }

  async #image(job: SampleJob): Promise<RgbImage> {
    const cached = this.#cache?.get(job.index);
    if (cached !== undefined) return cached;
    const bytes = await this.#reader.read(job);
    const { exif, maxPixels } = this.#settings;
    const image = await this.#decoder.decode(bytes, job.path, { exif, maxPixels });
    this.#cache?.put(job.index, image);
    return image;
  }

  #views(job: SampleJob, { image, labels }: Loaded): Views {
    const { cropsPerImage } = this.#settings;
    const epoch = cropsPerImage === null ? job.epoch : job.epoch % cropsPerImage;
    const draws = this.#root.split("augment", epoch, job.index);
    try {
      return transformImage(image, this.#settings.transform, draws, labels);
    } catch (cause) {
      const size = `${image.width} × ${image.height} pixels`;
      throw new UserError(
        `Cannot make a view of image "${job.path}" (${size}): ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  /** Produces the samples of a chunk; a sample that fails does not stop the others. */
  async produce(jobs: readonly SampleJob[]): Promise<ChunkResult> {
    const { transform, mask } = this.#settings;
    const bytes = transform.size ** 2 * 3;
    const tokenizerBytes = tokenizerSizeOf(transform) ** 2 * 3;
    const patches = mask === undefined ? 0 : mask.height * mask.width;
    const result = {
      pixels: new Uint8Array(jobs.length * bytes),
      tokenizerPixels: hasEqualViews(transform)
        ? undefined
        : new Uint8Array(jobs.length * tokenizerBytes),
      mask: mask && new Uint8Array(jobs.length * patches),
      labelMaps: transform.kind === "segmentation"
        ? new Uint8Array(jobs.length * transform.size ** 2)
        : undefined,
      failures: [] as { slot: number; message: string }[],
      seconds: { load: 0, augment: 0, mask: 0 },
    };
    let last = now();
    const book = (stage: keyof typeof result.seconds) => {
      const time = now();
      result.seconds[stage] += time - last;
      last = time;
    };
    const fail = (slot: number, message: string) => result.failures.push({ slot, message });
    const loading: Promise<Loaded | string>[] = [];
    const load = (slot: number) => {
      if (slot < jobs.length) {
        loading[slot] = this.#load(jobs[slot]).catch((error) => messageOf(error));
      }
    };
    for (let slot = 0; slot < inFlight; slot++) load(slot);
    for (let slot = 0; slot < jobs.length; slot++) {
      const loaded = await loading[slot];
      delete loading[slot];
      load(slot + inFlight);
      book("load");
      if (typeof loaded === "string") {
        fail(slot, loaded);
        continue;
      }
      const job = jobs[slot];
      let views: Views;
      try {
        views = this.#views(job, loaded);
      } catch (error) {
        fail(slot, messageOf(error));
        continue;
      }
      const { student, tokenizer, labels } = views;
      result.pixels.set(student.data, slot * bytes);
      result.tokenizerPixels?.set(tokenizer.data, slot * tokenizerBytes);
      if (labels !== undefined) result.labelMaps?.set(labels.data, slot * labels.data.length);
      book("augment");
      if (mask !== undefined) {
        const drawn = sampleMask(this.#root, job.epoch, job.index, mask);
        result.mask!.set(drawn, slot * patches);
        book("mask");
      }
    }
    return result;
  }

  /** Closes open archives. */
  close(): void {
    this.#reader.close();
  }
}
