/**
 * The encoder of a BEiT or another vision transformer as an ONNX graph.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { formatShape } from "../../core/shapes.ts";
import { classTokens, poolingNorm } from "../../core/transformer_traits.ts";
import { relativePositionIndex } from "../../core/relative_position.ts";
import type { ModelShape } from "../formats/model_shape.ts";
import { type LazyTensor, type TensorMap, toFloat32 } from "../tensors/tensor_data.ts";
import type { GraphBuilder } from "./graph_builder.ts";

/** The parts of a model that go into its graph. */
export interface GraphModel {
  readonly shape: ModelShape;
  readonly tensors: TensorMap;
  /** What precedes the encoder's names: `encoder.` in a tokenizer. */
  readonly prefix: string;
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = values[row * columns + column];
    }
  }
  return out;
}

/** Writes the encoder of one model into one graph. */
export class EncoderGraph {
  readonly #graph: GraphBuilder;
  readonly #model: GraphModel;
  readonly #biases = new Map<string, string>();

  constructor(graph: GraphBuilder, model: GraphModel) {
    this.#graph = graph;
    this.#model = model;
  }

  #tensor(name: string): LazyTensor {
    const full = this.#model.prefix + name;
    const tensor = this.#model.tensors.get(full);
    if (!tensor) throw new UserError(`Cannot export to ONNX: "${full}" is missing`);
    return tensor;
  }

  /** An unchanged parameter. */
  #parameter(name: string): string {
    const tensor = this.#tensor(name);
    return this.#graph.weights(
      name,
      tensor.shape,
      async () => toFloat32(await tensor.read()),
    );
  }

  /** `x W^T + b`: the weight is transposed for `MatMul`. x: [B, N, I] → [B, N, O] */
  linear(x: string, name: string, bias = this.#parameter(`${name}.bias`)): string {
    const tensor = this.#tensor(`${name}.weight`);
    if (tensor.shape.length !== 2) {
      throw new UserError(
        `Cannot export to ONNX: "${name}.weight" has the shape ${formatShape(tensor.shape)}`,
      );
    }
    const [rows, columns] = tensor.shape;
    const product = this.#graph.product(
      x,
      `${name}.weight.transposed`,
      [columns, rows],
      async () => transpose(toFloat32(await tensor.read()), rows, columns),
    );
    return this.#graph.node("Add", [product, bias]);
  }

  /** Layer norm over the last axis. */
  norm(x: string, name: string): string {
    const inputs = [x, this.#parameter(`${name}.weight`), this.#parameter(`${name}.bias`)];
    return this.#graph.node("LayerNormalization", inputs, {
      axis: -1,
      epsilon: { float: this.#model.shape.normEpsilon ?? 1e-6 },
    });
  }

  /** One bias for all three, or `[q_bias, 0, v_bias]`, [3C] */
  #qkvBias(block: string): string {
    if (this.#model.shape.attentionBias === "qkv") {
      return this.#parameter(`${block}.attn.qkv.bias`);
    }
    const [q, v] = [this.#tensor(`${block}.attn.q_bias`), this.#tensor(`${block}.attn.v_bias`)];
    const { embedDim } = this.#model.shape;
    return this.#graph.weights(`${block}.attn.qkv.bias`, [3 * embedDim], async () => {
      const bias = new Float32Array(3 * embedDim);
      bias.set(toFloat32(await q.read()));
      bias.set(toFloat32(await v.read()), 2 * embedDim);
      return bias;
    });
  }

  /** The relative-position bias [H, N + 1, N + 1] of a table, created once. */
  #positionBias(table: string): string {
    const known = this.#biases.get(table);
    if (known) return known;
    const { imageSize, patchSize } = this.#model.shape;
    const side = imageSize / patchSize;
    const tokens = side * side + 1;
    const index = this.#graph.indices(
      "relative_position_index",
      [tokens, tokens],
      relativePositionIndex(side),
    );
    const gathered = this.#graph.node("Gather", [this.#parameter(table), index], { axis: 0 });
    const bias = this.#graph.node("Transpose", [gathered], { perm: [2, 0, 1] });
    this.#biases.set(table, bias);
    return bias;
  }

  #biasOf(block: string): string | undefined {
    const { shape } = this.#model;
    if (shape.usesRelativePositionBias) {
      return this.#positionBias(`${block}.attn.relative_position_bias_table`);
    }
    if (!shape.usesSharedRelativePositionBias) return undefined;
    return this.#positionBias("rel_pos_bias.relative_position_bias_table");
  }

  /** x: [B, N + 1, C] → [B, N + 1, C] */
  #attention(x: string, block: string): string {
    const graph = this.#graph;
    const { embedDim, heads } = this.#model.shape;
    const width = embedDim / heads;
    const qkv = graph.node("Reshape", [
      this.linear(x, `${block}.attn.qkv`, this.#qkvBias(block)),
      graph.integers([0, 0, 3, heads, width]),
    ]);
    const parts = graph.node("Transpose", [qkv], { perm: [2, 0, 3, 1, 4] });
    const [q, k, v] = [0, 1, 2].map((part) =>
      graph.node("Gather", [parts, graph.integers(part)], { axis: 0 })
    );
    const scaled = graph.node("Mul", [q, graph.scalar(width ** -0.5)]);
    const turned = graph.node("Transpose", [k], { perm: [0, 1, 3, 2] });
    let scores = graph.node("MatMul", [scaled, turned]);
    const bias = this.#biasOf(block);
    if (bias) scores = graph.node("Add", [scores, bias]);
    const mixed = graph.node("MatMul", [graph.node("Softmax", [scores], { axis: -1 }), v]);
    const joined = graph.node("Reshape", [
      graph.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }),
      graph.integers([0, 0, embedDim]),
    ]);
    return this.linear(joined, `${block}.attn.proj`);
  }

  /** The exact GELU, using the error function. */
  #gelu(x: string): string {
    const graph = this.#graph;
    const error = graph.node("Erf", [graph.node("Mul", [x, graph.scalar(Math.SQRT1_2)])]);
    const gate = graph.node("Add", [error, graph.scalar(1)]);
    return graph.node("Mul", [graph.node("Mul", [x, graph.scalar(0.5)]), gate]);
  }

  /** x · sigmoid(1.702 x), or with the exponent of GELU's tanh approximation. */
  #sigmoidGate(x: string, exponent: string): string {
    return this.#graph.node("Mul", [x, this.#graph.node("Sigmoid", [exponent])]);
  }

  #activation(x: string): string {
    const graph = this.#graph;
    const { activation = "gelu" } = this.#model.shape;
    if (activation === "gelu") return this.#gelu(x);
    if (activation === "quickGelu") {
      return this.#sigmoidGate(x, graph.node("Mul", [x, graph.scalar(1.702)]));
    }
    const cube = graph.node("Mul", [graph.node("Mul", [x, x]), x]);
    const sum = graph.node("Add", [x, graph.node("Mul", [cube, graph.scalar(0.044715)])]);
    return this.#sigmoidGate(x, graph.node("Mul", [sum, graph.scalar(Math.sqrt(8 / Math.PI))]));
  }

  #residual(x: string, branch: string, gamma: string): string {
    const scales = this.#model.shape.layerScaleInitValue > 0;
    const scaled = scales ? this.#graph.node("Mul", [branch, this.#parameter(gamma)]) : branch;
    return this.#graph.node("Add", [x, scaled]);
  }

  #block(x: string, block: string): string {
    const attended = this.#attention(this.norm(x, `${block}.norm1`), block);
    const middle = this.#residual(x, attended, `${block}.gamma_1`);
    const hidden = this.#activation(
      this.linear(this.norm(middle, `${block}.norm2`), `${block}.mlp.fc1`),
    );
    return this.#residual(middle, this.linear(hidden, `${block}.mlp.fc2`), `${block}.gamma_2`);
  }

  /** The same tokens for every image. [1, R, C] → [B, R, C] */
  #repeated(name: string, count: number, images: string): string {
    const graph = this.#graph;
    const batch = graph.node("Shape", [images], { start: 0, end: 1 });
    const extents = graph.integers([count, this.#model.shape.embedDim]);
    const wanted = graph.node("Concat", [batch, extents], { axis: 0 });
    return graph.node("Expand", [this.#parameter(name), wanted]);
  }

  /** images: [B, 3, S, S] → tokens [B, N + 1, C], the class token first, if there is one */
  #embed(images: string): string {
    const graph = this.#graph;
    const { shape } = this.#model;
    const { embedDim, patchSize, imageSize, registers = 0 } = shape;
    const patches = graph.node("Conv", [
      images,
      this.#parameter("patch_embed.proj.weight"),
      this.#parameter("patch_embed.proj.bias"),
    ], { kernel_shape: [patchSize, patchSize], strides: [patchSize, patchSize] });
    const count = (imageSize / patchSize) ** 2;
    const rows = graph.node("Reshape", [patches, graph.integers([0, embedDim, count])]);
    let x = graph.node("Transpose", [rows], { perm: [0, 2, 1] });
    if (classTokens(shape) > 0) {
      x = graph.node("Concat", [this.#repeated("cls_token", 1, images), x], { axis: 1 });
    }
    if (shape.usesAbsolutePositions) x = graph.node("Add", [x, this.#parameter("pos_embed")]);
    if (shape.hasInputNorm) x = this.norm(x, "norm_pre");
    if (registers === 0) return x;
    const more = this.#repeated("register_tokens", registers, images);
    return graph.node("Concat", [x, more], { axis: 1 });
  }

  /** The class and patch tokens, of which every image has the same number. */
  get tokenCount(): number {
    const { shape } = this.#model;
    return classTokens(shape) + (shape.imageSize / shape.patchSize) ** 2;
  }

  /** The output of the last block without registers. images: [B, 3, S, S] → [B, N + 1, C] */
  encode(images: string): string {
    const { depth, registers = 0 } = this.#model.shape;
    let x = this.#embed(images);
    for (let i = 0; i < depth; i++) x = this.#block(x, `blocks.${i}`);
    return registers === 0 ? x : this.#tokens(x, 0, this.tokenCount);
  }

  /** Tokens from `start` to before `end`. [B, N + 1, C] → [B, end − start, C] */
  #tokens(x: string, start: number, end: number): string {
    const bounds = [[start], [end], [1]].map((list) => this.#graph.integers(list));
    return this.#graph.node("Slice", [x, ...bounds]);
  }

  /** The mean of the patch tokens. [B, N + 1, C] → [B, C] */
  meanOfPatches(tokens: string): string {
    const first = classTokens(this.#model.shape);
    const patches = this.#tokens(tokens, first, Number.MAX_SAFE_INTEGER);
    return this.#graph.node("ReduceMean", [patches], { axes: [1], keepdims: 0 });
  }

  /** The class token. [B, N + 1, C] → [B, C] */
  classToken(tokens: string): string {
    const cls = this.#tokens(tokens, 0, 1);
    return this.#graph.node("Reshape", [
      cls,
      this.#graph.integers([0, this.#model.shape.embedDim]),
    ]);
  }

  /** The input of a classifier's head. [B, N + 1, C] → [B, C], or [B, 2C] */
  pool(tokens: string): string {
    const { shape } = this.#model;
    const { pooling = "meanThenNorm" } = shape;
    const norm = poolingNorm(shape);
    if (pooling === "meanThenNorm") return this.norm(this.meanOfPatches(tokens), norm);
    if (pooling === "cls") return this.norm(this.classToken(tokens), norm);
    const normed = this.norm(tokens, norm);
    const mean = this.meanOfPatches(normed);
    if (pooling === "normThenMean") return mean;
    return this.#graph.node("Concat", [this.classToken(normed), mean], { axis: 1 });
  }
}
