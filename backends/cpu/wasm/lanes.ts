/** float32 lanes of WebAssembly's vectors. */
export const wasmLanes = 4;
