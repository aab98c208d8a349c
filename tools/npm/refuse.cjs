// What `import "@mimic/mimic"` finds in Node.
throw new Error(
  "Cannot import @mimic/mimic in Node: it is written for Deno, whose workers and FFI it uses; " +
    "run its command (`npx @mimic/mimic --help`), or import mod.ts in a Deno program",
);
