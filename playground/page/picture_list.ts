/** The pictures at the top of the page: samples, and those that are chosen, dropped or pasted. @module */

/// <reference lib="dom" />

import type { RgbImage } from "../../data/images/image.ts";
import { squareThumbnail } from "./square_thumbnail.ts";
import { byId, element } from "./draw.ts";
import { pictureAt, pictureOfFile } from "./picture_files.ts";

/** Pictures shown at once: more make the page long, and a small machine slow. */
const most = 24;

/** A picture of the page. */
export interface PagePicture {
  readonly name: string;
  readonly image: RgbImage;
}

/** What happens when pictures come and go. */
export interface PictureListener {
  add(id: string, image: RgbImage): void;
  remove(id: string): void;
  /** After one or several of them. */
  changed(): void;
  tell(problem: unknown): void;
}

/** See the module comment. */
export class PictureList {
  readonly #pictures = new Map<string, PagePicture>();
  readonly #listener: PictureListener;
  readonly #list = byId("pictures");
  #next = 0;

  constructor(listener: PictureListener) {
    this.#listener = listener;
    const choose = byId<HTMLInputElement>("choose");
    choose.addEventListener("change", async () => {
      await this.addFiles([...choose.files!]);
      choose.value = "";
    });
    byId("samples").addEventListener("click", () => this.#backToSamples());
    document.addEventListener("paste", ({ clipboardData }) => {
      const files = [...clipboardData?.files ?? []];
      if (files.length > 0) this.addFiles(files);
    });
  }

  get names(): ReadonlyMap<string, string> {
    return new Map([...this.#pictures].map(([id, { name }]) => [id, name]));
  }

  get pictures(): ReadonlyMap<string, PagePicture> {
    return this.#pictures;
  }

  /** Adds the samples, as many at a time as the host gives. */
  async addSamples(): Promise<void> {
    const names: string[] = await (await fetch("pictures.json")).json();
    const images = await Promise.all(names.map((name) => pictureAt(`pictures/${name}`)));
    for (const [index, image] of images.entries()) {
      this.#add(names[index].replace(/\.\w+$/, "").replaceAll("-", " "), image);
    }
    this.#listener.changed();
  }

  /** Adds the pictures among files; says what is wrong with the others. */
  async addFiles(files: readonly File[]): Promise<void> {
    this.#listener.tell(null);
    for (const file of files) {
      if (this.#pictures.size >= most) {
        this.#listener.tell(`Cannot show more than ${most} pictures: take some away first`);
        break;
      }
      try {
        this.#add(file.name, await pictureOfFile(file));
      } catch (error) {
        this.#listener.tell(error);
      }
    }
    this.#listener.changed();
  }

  #add(name: string, image: RgbImage): void {
    const id = `picture ${this.#next++}`;
    this.#pictures.set(id, { name, image });
    const remove = element("button", { type: "button", ariaLabel: `Take away ${name}` }, "×");
    const item = element("li", {}, squareThumbnail(image, name), remove);
    item.dataset.id = id;
    remove.addEventListener("click", () => {
      // Whoever goes through the list by keyboard goes on with the next one.
      const next = item.nextElementSibling ?? item.previousElementSibling;
      this.#remove(id, item);
      (next?.querySelector("button") ?? byId("samples")).focus();
      this.#listener.changed();
    });
    this.#list.append(item);
    this.#listener.add(id, image);
  }

  #remove(id: string, item: Element): void {
    this.#pictures.delete(id);
    item.remove();
    this.#listener.remove(id);
  }

  async #backToSamples(): Promise<void> {
    this.#listener.tell(null);
    for (const item of [...this.#list.children]) {
      this.#remove((item as HTMLElement).dataset.id!, item);
    }
    await this.addSamples().catch((error) => this.#listener.tell(error));
  }
}
