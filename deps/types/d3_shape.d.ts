/** The parts of d3-shape in use. */

/** Makes the path of a line. */
export interface Line<Datum> {
  (data: readonly Datum[]): string | null;
  /** Digits after the decimal point in the path. */
  digits(count: number): this;
}

/** Makes the path of the area between two lines. */
export interface Area<Datum> {
  (data: readonly Datum[]): string | null;
  x(place: (datum: Datum) => number): this;
  y0(place: (datum: Datum) => number): this;
  y1(place: (datum: Datum) => number): this;
  digits(count: number): this;
}

export function line<Datum>(
  x: (datum: Datum) => number,
  y: (datum: Datum) => number,
): Line<Datum>;

export function area<Datum>(): Area<Datum>;
