/**
 * The one gate: format, lint, types, layers, documentation, and all tests with those in the documentation.
 *
 * `deno task test` runs everything and ends with a line `N passed, N failed`; with arguments, as in
 * `deno task test tests/configs`, it hands them to `deno test` and leaves the other gates out.
 *
 * @module
 */

/** Permissions of the tests: all but those of the network, which is local. */
const testPermissions = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-ffi",
  "--allow-run",
  "--allow-net=127.0.0.1,localhost",
  "--allow-import=127.0.0.1,localhost",
];

interface Gate {
  readonly name: string;
  readonly args: readonly string[];
}

const gates: readonly Gate[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check", "--quiet", "--doc", "--lock=deno.lock", "."] },
  {
    name: "layers",
    args: [
      "run",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-run",
      "tools/check_imports.ts",
    ],
  },
  {
    name: "documentation",
    args: ["run", "--allow-read", "--allow-env", "--allow-run", "tools/check_docs.ts"],
  },
  {
    name: "places of tests",
    args: ["run", "--allow-read", "--allow-run", "tools/check_tests.ts"],
  },
];

/** How many tests passed and failed, by the line that `deno test` ends with. */
export function countTests(output: string): { passed: number; failed: number } | null {
  // deno-lint-ignore no-control-regex
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const counts = [...plain.matchAll(/^(?:ok|FAILED) \| (\d+) passed[^|]*\| (\d+) failed/gm)].pop();
  return counts === undefined ? null : { passed: Number(counts[1]), failed: Number(counts[2]) };
}

/** How a run of Deno ended, and all that it printed. */
interface Ended {
  readonly code: number;
  /** The signal that ended it, if one did. */
  readonly signal: Deno.Signal | null;
  readonly output: string;
}

/** Runs Deno with its output shown as it comes. */
async function runDeno(args: readonly string[]): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  const show = async (stream: ReadableStream<Uint8Array>, to: typeof Deno.stdout) => {
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      for (let at = 0; at < chunk.length;) at += to.writeSync(chunk.subarray(at));
    }
  };
  await Promise.all([show(child.stdout, Deno.stdout), show(child.stderr, Deno.stderr)]);
  const { code, signal } = await child.status;
  return { code, signal, output };
}

async function runAll(selection: readonly string[]): Promise<number> {
  let [passed, failed] = [0, 0];
  const failures: string[] = [];
  for (const { name, args } of selection.length === 0 ? gates : []) {
    console.log(`\n== ${name}: deno ${args.join(" ")}`);
    const { code } = await runDeno(args);
    if (code === 0) {
      passed++;
    } else {
      failed++;
      failures.push(name);
    }
  }
  console.log("\n== tests");
  const doc = selection.length === 0 ? ["--doc"] : [];
  // The types were checked above, with those of the examples.
  const check = selection.length === 0 ? ["--no-check"] : [];
  const { code, signal, output } = await runDeno(
    ["test", "--lock=deno.lock", ...doc, ...check, "--parallel", ...testPermissions, ...selection],
  );
  const counts = countTests(output);
  passed += counts?.passed ?? 0;
  failed += counts?.failed ?? 0;
  if (code !== 0 && (counts === null || counts.failed === 0)) {
    if (counts !== null && signal !== null) {
      // Mesa's software driver now and then crashes while the process ends, after the last test.
      console.log(`\nall tests had passed when ${signal} ended the process`);
    } else {
      failed++;
      failures.push("tests");
    }
  }
  if (failures.length > 0) console.log(`\nfailed gates: ${failures.join(", ")}`);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await runAll(Deno.args));
