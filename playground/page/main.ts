/** The page: what is on it, and what happens when. @module */

/// <reference lib="dom" />

import { mountTraining } from "../training/mount_training.ts";

const status = document.getElementById("status")!;

mountTraining(document.getElementById("training")!, {
  backend: () => "auto",
  useModel: () => Promise.resolve(),
  announce: (text) => {
    status.textContent = text;
  },
});
