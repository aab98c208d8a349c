/** Reads the fields of a protocol buffer from a file, a window at a time. */

import { FormatError } from "../format_error.ts";
import type { ByteSource } from "../tensors/byte_source.ts";

const WINDOW_BYTES = 64 * 1024;

/** A field: its number and either its value or the position of its bytes. */
export interface Field {
  readonly number: number;
  readonly value: number;
  /** Where its bytes start, for a bytes field; −1 for a number. */
  readonly start: number;
  readonly end: number;
}

/** Reads fields anywhere in a file; the bytes of a field are only read when they are needed. */
export class FieldReader {
  readonly #source: ByteSource;
  #window: Uint8Array = new Uint8Array();
  #windowStart = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async #byte(at: number): Promise<number> {
    const inside = at - this.#windowStart;
    if (inside >= 0 && inside < this.#window.length) return this.#window[inside];
    if (at >= this.#source.size) throw new FormatError("it ends inside a field");
    this.#window = await this.#source.read(at, Math.min(WINDOW_BYTES, this.#source.size - at));
    this.#windowStart = at;
    return this.#window[0];
  }

  async #varint(at: number): Promise<{ value: number; end: number }> {
    let value = 0;
    for (let index = 0; index < 10; index++) {
      const byte = await this.#byte(at + index);
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return { value, end: at + index + 1 };
    }
    throw new FormatError("one of its numbers has more than ten bytes");
  }

  /** The fields between two positions. */
  async *fields(start: number, end: number): AsyncGenerator<Field> {
    let at = start;
    while (at < end) {
      const tag = await this.#varint(at);
      const number = Math.floor(tag.value / 8);
      const kind = tag.value % 8;
      if (kind === 0) {
        const { value, end } = await this.#varint(tag.end);
        yield { number, value, start: -1, end: at = end };
        continue;
      }
      const { value: length, end: from } = kind === 2
        ? await this.#varint(tag.end)
        : { value: kind === 1 ? 8 : 4, end: tag.end };
      if (![1, 2, 5].includes(kind) || from + length > end) {
        throw new FormatError(
          `field ${number} at byte ${at} is not part of ONNX, or longer than its parent`,
        );
      }
      yield { number, value: 0, start: from, end: at = from + length };
    }
  }

  /** A field of text. */
  async text({ start, end }: Field): Promise<string> {
    return new TextDecoder().decode(await this.bytes(start, end));
  }

  /** The bytes of a field that holds no weights. */
  async bytes(start: number, end: number): Promise<Uint8Array> {
    if (end - start > 16 * WINDOW_BYTES) {
      throw new FormatError(`a text at byte ${start} is longer than a megabyte`);
    }
    return await this.#source.read(start, end - start);
  }
}
