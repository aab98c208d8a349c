/** tfjs' WebAssembly backend: it registers itself as `wasm` with tfjs when imported (benchmarks only). @module */
import "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
