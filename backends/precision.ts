/** Number format of matrix products, attention and saved activations; everything else is float32. */
export type Precision = "float32" | "float16" | "bfloat16";
