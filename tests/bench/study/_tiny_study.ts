/** A study of seconds: two arms and a pixel arm on two dozen pictures. */
import { parseStudy, type Study } from "../../../configs/study.ts";

const recipes = {
  tokenizer: "vqkd_quickstart",
  pretrain: "quickstart",
  finetune: "finetune_quickstart",
};

/** What all runs of the tiny study have. */
const common = {
  "data.workers": 0,
  "data.cacheBytes": 0,
  "model.imageSize": 16,
  "model.embedDim": 16,
  "model.heads": 2,
  "model.mlpRatio": 2,
  "backend.name": "cpu",
  "backend.threads": 1,
  batchSize: 4,
};

/** A tokenizer of k-means on the pixels of patches, without a teacher's file. */
export const tinyTokenizers = {
  means: {
    title: "k-means of patches",
    settings: { method: "kMeans", "kMeans.tokensPerCode": 4, "teacher.name": "pixels" },
  },
};

/** A study with the arms `vqkd`, `scratch` and `pixels`, and one data set without images. */
export function tinyStudy(changes: Partial<Study> = {}): Study {
  return parseStudy({
    seeds: [0],
    common,
    datasets: {
      pictures: {
        title: "pictures",
        source: null,
        recipes,
        passes: { tokenizer: 8, pretrain: 8 },
        tokenizer: {
          "model.depth": 1,
          "codebook.codes": 16,
          "codebook.codeDim": 4,
          "teacher.hog.fitImages": 24,
          "teacher.hog.localComponents": 4,
          "teacher.hog.globalComponents": 2,
        },
        pretrain: {
          "model.depth": 2,
          "model.earlyLayers": 1,
          "model.codes": 16,
          "mask.minBlock": 2,
        },
        finetune: { "model.depth": 2, "augment.testResize": 16 },
      },
      elsewhere: {
        title: "others",
        source: null,
        recipes,
        passes: { tokenizer: 8, pretrain: 8 },
      },
    },
    arms: {
      vqkd: { title: "MIM", pretrain: {} },
      scratch: { title: "from scratch", pretrain: null, finetune: { "optimizer.layerDecay": 1 } },
      pixels: { title: "pixels", pretrain: { "tokenizer.checkpoint": "pixels" } },
    },
    labels: [0.5, 1],
    comparisons: [
      { dataset: "pictures", arms: ["vqkd", "scratch", "pixels"], labels: 0.5, passes: [8, 16] },
      { dataset: "elsewhere", arms: ["vqkd"], labels: 1, passes: [8] },
    ],
    ...changes,
  });
}
