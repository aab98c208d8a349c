/**
 * Named values of rank 0, on all ranks.
 *
 * @module
 */

import { broadcastMessage, type Communicator } from "../../../distributed/communicator.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";

/** Groups of named values, as in a checkpoint. */
export type ValueGroups = Readonly<Record<string, ReadonlyMap<string, NamedValues>>>;

/** The groups of rank 0, on all ranks; other ranks' `groups` are ignored. */
export async function shareValues<Groups extends ValueGroups>(
  communicator: Communicator,
  groups: Groups | null,
): Promise<{ [Name in keyof Groups]: Map<string, NamedValues> }> {
  if (communicator.size === 1) {
    const own = Object.entries(groups!).map(([name, values]) => [name, new Map(values)]);
    return Object.fromEntries(own) as { [Name in keyof Groups]: Map<string, NamedValues> };
  }
  const list = communicator.rank > 0
    ? []
    : Object.entries(groups!).flatMap(([group, values]) =>
      Array.from(values, ([name, { shape, values }]) => ({ group, name, shape, values }))
    );
  const message = communicator.rank > 0 ? null : {
    header: {
      groups: Object.keys(groups!),
      list: list.map(({ group, name, shape }) => ({ group, name, shape: [...shape] })),
    },
    bytes: list.map(({ values }) =>
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    ),
  };
  const { header, bytes } = await broadcastMessage(communicator, message);
  const shared = Object.fromEntries(
    header.groups.map((group) => [group, new Map<string, NamedValues>()]),
  );
  for (const [index, { group, name, shape }] of header.list.entries()) {
    shared[group].set(name, { shape, values: new Float32Array(bytes[index].buffer) });
  }
  return shared as { [Name in keyof Groups]: Map<string, NamedValues> };
}
