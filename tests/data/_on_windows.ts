/** Runs `work` as code runs on Windows, as far as it asks Deno for the system. */
export async function onWindows<T>(work: () => T | Promise<T>): Promise<T> {
  const { build } = Deno;
  const set = (value: typeof build) =>
    Object.defineProperty(Deno, "build", { value, configurable: true });
  set({ ...build, os: "windows" });
  try {
    return await work();
  } finally {
    set(build);
  }
}
