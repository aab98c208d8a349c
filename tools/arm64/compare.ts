/** What two architectures must agree on. @module */

/** What the self-test found on one of them. */
export interface Found {
  readonly architecture: string;
  /** The kernels, as the backend describes them. */
  readonly kernels: string;
  /** Ops that are right. */
  readonly passed: number;
  /** Those that are not, with the reason. */
  readonly failures: readonly string[];
  /** Of the tiny model's first and last step. */
  readonly losses: readonly number[];
}

/** Losses may differ by this share: V8 may compute `Math.exp` and the like differently. */
const tolerance = 1e-5;

/** What is wrong on an arm64 processor, compared with this machine; one line each. */
export function findDifferences(arm64: Found, here: Found): string[] {
  const wrong = [...arm64.failures];
  if (arm64.architecture !== "aarch64") {
    wrong.push(`it ran on ${arm64.architecture}, not on aarch64`);
  }
  if (!arm64.kernels.includes("fused multiply-add")) {
    wrong.push(`its kernels have no fused multiply-add: ${arm64.kernels}`);
  }
  if (arm64.passed !== here.passed) {
    wrong.push(`${arm64.passed} ops are right, here ${here.passed}`);
  }
  const isClose = arm64.losses.every((loss, place) =>
    Math.abs(loss - here.losses[place]) <= tolerance * Math.abs(here.losses[place])
  );
  if (!isClose) wrong.push(`losses ${arm64.losses.join(", ")}, here ${here.losses.join(", ")}`);
  return wrong;
}
