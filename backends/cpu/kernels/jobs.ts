/** All jobs, which are all that worker threads load of the kernels: one line per file. @module */

export * from "./adam_w/job.ts";
export * from "./assemble_tokens/job.ts";
export * from "./attention/job.ts";
export * from "./linear/job.ts";
export * from "./patch_embed/job.ts";
export * from "./relative_position_bias/job.ts";
export * from "./residual/job.ts";
export * from "../column_sums/job.ts";
export * from "../products/amx/job.ts";
export * from "../products/gemm/job.ts";
export * from "../products/library_product/job.ts";
export * from "../products/pack/job.ts";
export * from "../rows/job.ts";
export * from "../tfjs/job.ts";
