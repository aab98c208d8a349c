/**
 * A run's config for TensorBoard's HParams page (tensorboard/plugins/hparams: plugin_data.proto,
 * api.proto).
 *
 * @module
 */

import { bytesField, doubleField, integerField, message } from "../../core/protobuf.ts";
import { pluginValue, type SummaryValue } from "./events.ts";

/** A value of a config. */
export type HParam = string | number | boolean;

const plugin = "hparams";
const types = { string: 1, boolean: 2, number: 3 } as const;

/** As `google.protobuf.Value`. */
function protobufValue(value: HParam): Uint8Array {
  if (typeof value === "number") return doubleField(2, value);
  if (typeof value === "boolean") return integerField(4, value ? 1 : 0);
  return bytesField(3, value);
}

/**
 * The leaves of a nested config by their dotted names; lists as JSON, null as `"null"`.
 *
 * @example
 * ```ts
 * import { flattenConfig } from "./hparams.ts";
 * const flat = flattenConfig({ optimizer: { lr: 0.1, betas: [1, 2], clip: null } });
 * if (flat.get("optimizer.lr") !== 0.1 || flat.get("optimizer.betas") !== "[1,2]") throw new Error();
 * ```
 */
export function flattenConfig(config: object, prefix = ""): Map<string, HParam> {
  const flat = new Map<string, HParam>();
  for (const [name, value] of Object.entries(config)) {
    const key = prefix + name;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const leaf of flattenConfig(value, `${key}.`)) flat.set(...leaf);
    } else if (["string", "number", "boolean"].includes(typeof value)) flat.set(key, value);
    else if (value !== undefined) flat.set(key, JSON.stringify(value));
  }
  return flat;
}

/** What an HParams page needs to know about a run. */
export interface HParamsSession {
  readonly hparams: ReadonlyMap<string, HParam>;
  /** Tags of the scalars by which runs are compared. */
  readonly metrics: readonly string[];
  /** Seconds since 1970. */
  readonly time: number;
}

/** The values written at the start of a run. */
export function hparamsStart({ hparams, metrics, time }: HParamsSession): SummaryValue[] {
  const experiment = [
    doubleField(3, time),
    ...Array.from(hparams, ([name, value]) =>
      bytesField(4, [
        bytesField(1, name),
        integerField(4, types[typeof value as keyof typeof types]),
      ])),
    ...metrics.map((tag) => bytesField(5, [bytesField(1, [bytesField(2, tag)])])),
  ];
  const session = [
    ...Array.from(
      hparams,
      ([name, value]) => bytesField(1, [bytesField(1, name), bytesField(2, protobufValue(value))]),
    ),
    doubleField(5, time),
  ];
  return [
    pluginValue("_hparams_/experiment", plugin, message([bytesField(2, experiment)])),
    pluginValue("_hparams_/session_start_info", plugin, message([bytesField(3, session)])),
  ];
}

/** The value written at the end of a run. */
export function hparamsEnd(status: "success" | "failure", time: number): SummaryValue {
  const end = [integerField(1, status === "success" ? 1 : 2), doubleField(2, time)];
  return pluginValue("_hparams_/session_end_info", plugin, message([bytesField(4, end)]));
}
