/**
 * TensorBoard's `Event` messages (tensorboard/compat/proto: event.proto, summary.proto).
 *
 * @module
 */

import {
  bytesField,
  doubleField,
  doublesField,
  floatField,
  integerField,
  message,
} from "../../core/protobuf.ts";
import type { ValueHistogram } from "./value_histogram.ts";

/** When an event happened. */
export interface EventPlace {
  /** Completed optimizer steps. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
}

/** A value of a summary, under its tag. */
export type SummaryValue = Uint8Array;

function event({ step, time }: EventPlace, content: Uint8Array): Uint8Array {
  return message([doubleField(1, time), integerField(2, step), content]);
}

/** The event that a file starts with. */
export function fileVersion(time: number): Uint8Array {
  return message([doubleField(1, time), bytesField(3, "brain.Event:2")]);
}

/** Tells a running TensorBoard to forget what it has read from `step` on. */
export function sessionStart(place: EventPlace): Uint8Array {
  return event(place, bytesField(7, [integerField(1, 1)]));
}

/** An event with values of one step. */
export function summary(place: EventPlace, values: readonly SummaryValue[]): Uint8Array {
  return event(place, bytesField(5, values.map((value) => bytesField(1, value))));
}

/** A number. */
export function scalar(tag: string, value: number): SummaryValue {
  return message([bytesField(1, tag), floatField(2, value)]);
}

/** A picture: the bytes of a PNG file. */
export function image(
  tag: string,
  { width, height, png }: {
    readonly width: number;
    readonly height: number;
    readonly png: Uint8Array;
  },
): SummaryValue {
  const channels = 3;
  return message([
    bytesField(1, tag),
    bytesField(4, [
      integerField(1, height),
      integerField(2, width),
      integerField(3, channels),
      bytesField(4, png),
    ]),
  ]);
}

/** The distribution of values. */
export function histogram(tag: string, values: ValueHistogram): SummaryValue {
  return message([
    bytesField(1, tag),
    bytesField(5, [
      doubleField(1, values.min),
      doubleField(2, values.max),
      doubleField(3, values.count),
      doubleField(4, values.sum),
      doubleField(5, values.sumOfSquares),
      doublesField(6, values.limits),
      doublesField(7, values.counts),
    ]),
  ]);
}

/** A value for another plugin: no data except what the plugin reads itself. */
export function pluginValue(tag: string, plugin: string, content: Uint8Array): SummaryValue {
  return message([
    bytesField(1, tag),
    bytesField(9, [bytesField(1, [bytesField(1, plugin), bytesField(2, content)])]),
  ]);
}
