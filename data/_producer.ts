/**
 * What a worker does: reads, decodes, transforms and masks the samples of one chunk.
 *
 * @module
 */
import { now } from "../core/clock.ts";
import { messageOf, UserError } from "../core/errors.ts";
import { Generator } from "../core/generator.ts";
import { LocationReader } from "./_byte_store.ts";
import { createImageDecoder, type ImageDecoder } from "./decode.ts";
import { DecodeCache, type DecodeCacheMemory } from "./decode_cache.ts";
import type { RgbImage } from "./image.ts";
import { type BlockMaskOptions, blockwiseMask } from "./mask.ts";
import type { SampleLocation } from "./source.ts";
import {
  hasEqualViews,
  tokenizerSizeOf,
  type Transform,
  transformImage,
  type Views,
} from "./transform.ts";

/** What all chunks have in common; it can be sent to workers. */
export interface ProducerSettings {
  readonly transform: Transform;
  /** Masks to draw; none if undefined. */
  readonly mask: Omit<BlockMaskOptions, "choose"> | undefined;
  readonly seed: number;
  /** Epochs after which the crops come again; null: never. */
  readonly cropsPerImage: number | null;
  readonly exif: boolean;
  readonly decoder: "auto" | "native" | "portable";
  /** What locations without a path point into. */
  readonly memory: Uint8Array | undefined;
  readonly cache: DecodeCacheMemory | undefined;
}

/** One sample to make. */
export interface SampleJob {
  readonly epoch: number;
  readonly index: number;
  readonly id: string;
  /** Where its bytes are, or the bytes, or why there are none. */
  readonly from: SampleLocation | Uint8Array | { readonly error: string };
}

/** The samples of a chunk, one after the other; the places of failed ones hold zeros. */
export interface ChunkResult {
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Undefined where the tokenizer sees the same pixels. */
  readonly tokenizerPixels: Uint8Array<ArrayBuffer> | undefined;
  readonly mask: Uint8Array<ArrayBuffer> | undefined;
  /** Which samples failed, by their place in the chunk, and why. */
  readonly failures: readonly { readonly slot: number; readonly message: string }[];
  /** Time spent, by the name of the stage: waiting for files and decoders, views, masks. */
  readonly seconds: Readonly<Record<"load" | "augment" | "mask", number>>;
}

/** Files that are decoded at the same time, so that native decoding goes on beside our own code. */
const inFlight = 3;

/** Makes chunks. */
export class Producer {
  readonly #settings: ProducerSettings;
  readonly #decoder: ImageDecoder;
  readonly #reader: LocationReader;
  readonly #cache: DecodeCache | undefined;
  readonly #root: Generator;

  private constructor(settings: ProducerSettings, decoder: ImageDecoder) {
    this.#settings = settings;
    this.#decoder = decoder;
    this.#reader = new LocationReader(settings.memory);
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

  async #bytes({ from, id }: SampleJob): Promise<Uint8Array> {
    if (from instanceof Uint8Array) return from;
    try {
      if ("error" in from) throw new Error(from.error);
      return await this.#reader.read(from);
    } catch (cause) {
      throw new UserError(`Cannot read image "${id}": ${messageOf(cause)}`, { cause });
    }
  }

  async #load(job: SampleJob): Promise<RgbImage> {
    const cached = this.#cache?.get(job.index);
    if (cached !== undefined) return cached;
    const bytes = await this.#bytes(job);
    const image = await this.#decoder.decode(bytes, job.id, { exif: this.#settings.exif });
    this.#cache?.put(job.index, image);
    return image;
  }

  #views(job: SampleJob, image: RgbImage): Views {
    const { cropsPerImage } = this.#settings;
    const epoch = cropsPerImage === null ? job.epoch : job.epoch % cropsPerImage;
    const draws = this.#root.split("augment", epoch, job.index);
    return transformImage(image, this.#settings.transform, draws);
  }

  /** Makes the samples of a chunk; a sample that fails does not stop the others. */
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
      failures: [] as { slot: number; message: string }[],
      seconds: { load: 0, augment: 0, mask: 0 },
    };
    let last = now();
    const book = (stage: keyof typeof result.seconds) => {
      const time = now();
      result.seconds[stage] += time - last;
      last = time;
    };
    const loading: Promise<RgbImage | string>[] = [];
    const load = (slot: number) => {
      if (slot < jobs.length) {
        loading[slot] = this.#load(jobs[slot]).catch((error) => messageOf(error));
      }
    };
    for (let slot = 0; slot < inFlight; slot++) load(slot);
    for (let slot = 0; slot < jobs.length; slot++) {
      const image = await loading[slot];
      delete loading[slot];
      load(slot + inFlight);
      book("load");
      if (typeof image === "string") {
        result.failures.push({ slot, message: image });
        continue;
      }
      const job = jobs[slot];
      const { student, tokenizer } = this.#views(job, image);
      result.pixels.set(student.data, slot * bytes);
      result.tokenizerPixels?.set(tokenizer.data, slot * tokenizerBytes);
      book("augment");
      if (mask !== undefined) {
        const draws = this.#root.split("mask", job.epoch, job.index);
        result.mask!.set(blockwiseMask(draws, mask), slot * patches);
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
