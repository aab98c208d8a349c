/** A terminal without a window: what a person would see of the bytes that a program writes. */
import { Terminal } from "../../deps/xterm_headless.ts";

/** Rows and columns, and all that has scrolled off them. */
export class Screen {
  readonly #terminal: InstanceType<typeof Terminal>;

  constructor(columns: number, rows: number) {
    const options = { cols: columns, rows, scrollback: 100_000, allowProposedApi: true };
    this.#terminal = new Terminal(options);
  }

  /** Takes what a program has written. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(bytes, resolve));
  }

  /** Makes the window wider or narrower. */
  resize(columns: number): void {
    this.#terminal.resize(columns, this.#terminal.rows);
  }

  /** All rows, without empty ones at the end. */
  rows(): string[] {
    const { buffer: { active } } = this.#terminal;
    const rows = Array.from(
      { length: active.length },
      (_, row) => active.getLine(row)!.translateToString(true),
    );
    while (rows.at(-1) === "") rows.pop();
    return rows;
  }

  /** Lines as they were written: rows that the terminal has broken are one. */
  lines(): { readonly text: string; readonly rows: number }[] {
    const { buffer: { active } } = this.#terminal;
    const lines: { text: string; rows: number }[] = [];
    for (let row = 0; row < active.length; row++) {
      const line = active.getLine(row)!;
      const text = line.translateToString(true);
      const last = lines.at(-1);
      if (line.isWrapped && last !== undefined) {
        last.text += text;
        last.rows++;
      } else lines.push({ text, rows: 1 });
    }
    while (lines.at(-1)?.text === "") lines.pop();
    return lines;
  }

  /** Whether the cursor stands at the start of an empty row, as a shell expects it for its prompt. */
  isAtLineStart(): boolean {
    const { buffer: { active } } = this.#terminal;
    const row = active.getLine(active.baseY + active.cursorY);
    return active.cursorX === 0 && row?.translateToString(true) === "";
  }
}
