/**
 * The x86-64 instructions that the kernels use, written as Intel's manual writes their encodings.
 *
 * A form is the order of the operands, then prefix, map and opcode. Operands: `R` is ModRM.reg, `M`
 * is ModRM.rm as register or memory, `U` the same as register only, `V` is VEX.vvvv, `S` a register
 * in the immediate, `K` the opmask that chooses lanes. `/6` is an extension of the opcode in ModRM.reg.
 * `ib` and `id` are immediates of one and four bytes. `W1` asks for 64 bits, `EW1` only under EVEX,
 * where a float64 is told so. `LIG` works on the first lane alone. `L0` is always the short VEX, and
 * `-` stands for no operands.
 *
 * @module
 */

const forms = {
  // 64-bit integers.
  mov: ["MR 89", "RM 8B", "M/0 C7 id"],
  movsxd: ["RM 63"],
  add: ["MR 01", "M/0 81 id"],
  sub: ["MR 29"],
  cmp: ["MR 39", "M/7 81 id"],
  imul: ["RM 0F AF", "RM 69 id"],
  shl: ["M/4 C1 ib"],

  // Moves and conversions.
  vmovups: ["RM 0F 10", "MR 0F 11", "MRK 0F 11"],
  /** To memory past the caches; the address is a multiple of the vector's bytes. */
  vmovntps: ["MR 0F 2B"],
  vmovss: ["MR LIG F3 0F 11"],
  vbroadcastss: ["RM 66 0F38 18"],
  vcvttsd2si: ["RM LIG W1 F2 0F 2C"],
  vcvtsi2ss: ["RVM LIG W1 F3 0F 2A"],
  vcvtsd2ss: ["RVM LIG EW1 F2 0F 5A"],
  vcvtps2dq: ["RM 66 0F 5B"],

  // Arithmetic and logic on every lane.
  vaddps: ["RVM 0F 58"],
  vmulps: ["RVM 0F 59"],
  vsubps: ["RVM 0F 5C"],
  vminps: ["RVM 0F 5D"],
  vdivps: ["RVM 0F 5E"],
  vmaxps: ["RVM 0F 5F"],
  vsqrtps: ["RM 0F 51"],
  vandps: ["RVM 0F 54"],
  vorps: ["RVM 0F 56"],
  vxorps: ["RVM 0F 57"],
  vpaddd: ["RVM 66 0F FE"],
  vpslld: ["VU/6 66 0F 72 ib"],
  /** Adds to the first operand. */
  vfmadd231ps: ["RVM 66 0F38 B8"],
  /** Subtracts from it. */
  vfnmadd231ps: ["RVM 66 0F38 BC"],
  /** Multiplies the first operand by the second, and adds the third. */
  vfmadd213ps: ["RVM 66 0F38 A8"],
  /** Subtracts that product from the third. */
  vfnmadd213ps: ["RVM 66 0F38 AC"],

  // Exchanges of lanes, comparisons and choices.
  vshufps: ["RVM 0F C6 ib"],
  vunpcklps: ["RVM 0F 14"],
  vunpckhps: ["RVM 0F 15"],
  vcmpps: ["RVM 0F C2 ib"],
  vperm2f128: ["RVM 66 0F3A 06 ib"],
  vextractf128: ["MR 66 0F3A 19 ib"],
  vroundps: ["RM 66 0F3A 08 ib"],
  vblendvps: ["RVMS 66 0F3A 4A"],

  // AVX-512 only.
  vextractf32x4: ["MR 66 0F3A 19 ib"],
  vshuff32x4: ["RVM 66 0F3A 23 ib"],
  vrndscaleps: ["RM 66 0F3A 08 ib"],
  vpmovm2d: ["RU F3 0F38 38"],
  vpmovd2m: ["RU F3 0F38 39"],
  vblendmps: ["RVMK 66 0F38 65"],
  /** Lanes of 16 bits of the third operand, by the numbers in the second. */
  vpermw: ["RVM W1 66 0F38 8D"],

  // AVX512-BF16 only.
  /** Adds the products of two pairs in each lane to the first operand. */
  vdpbf16ps: ["RVM F3 0F38 52"],
  /** The lanes as bfloat16: of the third operand in the lower half, of the second in the upper one. */
  vcvtne2ps2bf16: ["RVM F2 0F38 72"],

  // AMX: eight tiles of up to 16 rows of 64 bytes. Of their addresses, the index is the bytes between rows.
  ldtilecfg: ["M/0 L0 0F38 49"],
  sttilecfg: ["M/0 L0 66 0F38 49"],
  tilerelease: ["- L0 0F38 49"],
  tilezero: ["R L0 F2 0F38 49"],
  tileloadd: ["RM L0 F2 0F38 4B"],
  /** For rows that are not read again soon. */
  tileloaddt1: ["RM L0 66 0F38 4B"],
  tilestored: ["MR L0 F3 0F38 4B"],
  /** Adds the product of the second tile, rows of pairs, with the third, pairs of rows. */
  tdpbf16ps: ["RUV L0 F3 0F38 5C"],
} as const;

/** An instruction's name. */
export type Mnemonic = keyof typeof forms;

/** One form of an instruction, taken apart. */
export interface Form {
  /** A letter for each operand, the immediate as `i`. */
  readonly operands: string;
  readonly isVector: boolean;
  readonly isTile: boolean;
  /** 0, or 1: 66, 2: F3, 3: F2. */
  readonly prefix: number;
  /** 0: none, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  readonly extension: number | null;
  readonly isWide: boolean;
  readonly isWideUnderEvex: boolean;
  readonly isScalar: boolean;
  readonly immediateBytes: 0 | 1 | 4;
}

function parse(name: string, text: string): Form {
  const isVector = name.startsWith("v");
  const [order, ...words] = text.split(" ");
  const [letters, extension] = order.replace("-", "").split("/");
  const has = (word: string) => words.includes(word);
  const isTile = has("L0");
  const hasPrefix = isVector || isTile;
  const immediateBytes = has("ib") ? 1 : has("id") ? 4 : 0;
  const numbers = words.filter((word) => /^[0-9A-F]{2}$/.test(word) && word !== "0F");
  const isWide = !hasPrefix || has("W1");
  return {
    operands: letters + (immediateBytes === 0 ? "" : "i"),
    isVector,
    isTile,
    prefix: hasPrefix && numbers.length > 1 ? ["66", "F3", "F2"].indexOf(numbers[0]) + 1 : 0,
    map: has("0F") ? 1 : has("0F38") ? 2 : has("0F3A") ? 3 : 0,
    opcode: parseInt(numbers.at(-1)!, 16),
    extension: extension === undefined ? null : Number(extension),
    isWide,
    isWideUnderEvex: isWide || has("EW1"),
    isScalar: has("LIG"),
    immediateBytes,
  };
}

const parsed = new Map<string, readonly Form[]>(
  Object.entries(forms).map(([name, texts]) => [name, texts.map((text) => parse(name, text))]),
);

/** What an operand is, as far as forms tell it apart. */
type Kind = "register" | "memory" | "immediate";

/** Whether an operand of this kind may be used for this letter. */
function fits(letter: string, kind: Kind): boolean {
  if (kind === "immediate") return letter === "i";
  return kind === "memory" ? letter === "M" : letter !== "i";
}

/** The first form of an instruction that takes these operands. */
export function formOf(name: Mnemonic, kinds: readonly Kind[]): Form {
  const form = parsed.get(name)!.find(({ operands }) =>
    operands.length === kinds.length && kinds.every((kind, place) => fits(operands[place], kind))
  );
  if (form === undefined) throw new Error(`Cannot encode ${name} ${kinds.join(", ")}`);
  return form;
}

/** Instructions whose first operand is an input too. */
export const accumulating: ReadonlySet<Mnemonic> = new Set<Mnemonic>(
  [
    ...["add", "sub", "imul", "shl", "cmp"] as const,
    ...["vfmadd231ps", "vfnmadd231ps", "vfmadd213ps", "vfnmadd213ps", "vdpbf16ps"] as const,
  ],
);

/** All of them. */
export const mnemonics = Object.keys(forms) as Mnemonic[];
