import type { Tensor } from "../../deps/tfjs.ts";
import { engine } from "./engine.ts";

/** Runs the kernel that the active backend has registered as `name`; returns its single tensor. */
export function runKernel(
  name: string,
  inputs: Record<string, Tensor>,
  attributes?: object,
): Tensor {
  return engine().runKernel(name, inputs, attributes);
}
