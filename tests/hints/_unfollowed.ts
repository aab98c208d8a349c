/** Hints that the table does not follow, and why. */

const twoOfCode = ["see `…`", 'did you mean "…"?'];
const classTexts = [
  "move some of its images there: both need the same class folders",
  "take its folder out, or give it images to train on: both need the same class folders",
  "give both the same list of classes",
];

/** Hints that stand in a variable: the texts that it may hold. */
export const variables: Readonly<Record<string, readonly string[]>> = {
  "mismatch.hint": classTexts,
  "hintFor(command, words, calledAs)": twoOfCode,
  "hintFor(microBatch, fits, footprint)": [
    "give --micro-batch auto, or fewer images",
    "give --micro-batch 1 --recompute …",
    "lower model.embedDim or model.depth, or take more memory",
  ],
  "error.issues[0].message": [],
  'reason.slice(reason.lastIndexOf("; ") + 2)': ["convert it to JPEG or PNG"],
};

/** Reasons, each with the hints that it holds for by their text; `…` is what is filled in. */
const reasons: Readonly<Record<string, readonly string[]>> = {
  "It asks for other files, not for another command.": [
    ...classTexts,
    "put each class into a folder of its own",
    "give a pretrained or fine-tuned model",
    "give the model that taught it, or a pretrained one",
    "give a model with the norm after its last block",
    "give image files, or one folder or archive",
    "give a folder of at least two images, better of hundreds",
    "give the folder of the pictures itself, or another split",
    "give a folder with images/training, annotations/training and the same for validation",
    "every image needs one; take images without labels out",
    "give every image one, or none",
    "the label maps hold nothing but …",
    "label two classes at least",
    "give them with --data NAME=PATH; its data sets are …",
    "write the masks as 8-bit grey PNG files",
    "convert it to JPEG or PNG",
    "take links between folders out",
    "other archives must be unpacked",
    "unpack it with gunzip, or download it, and give the path",
    "the file is truncated or no zip archive",
    "check the pattern; quote it, so that the shell does not expand it",
    "check the path given with --data",
    "check data.exclude",
    "check data.listFile",
    "a path that begins with a quote is written as a JSON string",
    "set it to 3 (bicubic) there if that will do",
    "expected … or the checkpoints of a run",
    'put the file at "…", or give the path of a local file',
    "give a path, an address or a model's name",
    "download the file and give its path",
    "names start with mim_forward, vqkd, finetune, …: see tests/fixtures/parity",
    "give a directory below failures/ of a run",
    "give the directory of a run",
    "give the directory of a run, or start one with --out",
    "give the folder that holds your runs",
    "train on the images that it was started with, or start a new run",
  ],
  "It asks for a change of a recipe's or a study's text.": [
    "give one of them",
    "known: …",
    "its data sets are …",
    "extend that one directly; one level keeps it clear where a value comes from",
    "look at it, save it, and give its path; JSON and YAML are read from a URL too",
    "write it as .jsonc or .yaml, or name the module on the command line with --config",
    "look at it, save it, and give its path",
    "write `export default (event) => { … }`; see docs/logging.md",
  ],
  "It says what a checkpoint is, of which there is no other.": [
    "the checkpoint was saved without averages",
    "it belongs to another model",
    "it is a checkpoint of another model",
    "the tokenizer was trained with another teacher",
    "the checkpoint is of another model; check the model section of the config",
    "train from a checkpoint with decoder.* tensors, or from scratch",
    "resume from the run directory to take the last whole one",
  ],
  "Only a program that calls the library meets it; the command line refuses the same before.": [
    "call replayFailure(bundle, { stages }) from a program that has them",
    "the stages are …",
    "give the stages that the run was started with",
    "the run was started without that stage of yours",
    "set it to the number of classes",
    "use the patch size of the model that it is to serve",
    "use a patch size such as …",
    "use a number of heads such as …",
    "use a patch size that divides the image size",
    "choose a number of heads that does",
    "the early state is the output of a block before the last",
    "give --set model.usesSharedRelativePositionBias=false, or model.usesRelativePositionBias=false",
    'move them, or open the images with labels: "none"',
    "grant --allow-ffi --allow-env --allow-read, or use the portable decoder",
    "import the package that registers it first",
    'provider "auto" takes what is there',
  ],
  "It needs a machine that lacks something, or a device that fails.": [
    "give --micro-batch auto, or fewer images",
    "give --micro-batch 1 --recompute …",
    "lower model.embedDim or model.depth, or take more memory",
    "lower --micro-batch, or raise --recompute",
    "go on with --resume; if it happens again, lower --micro-batch",
    "give --precision auto or float32",
    "use --backend reference, which imitates it",
    "give --backend reference, which imitates reduced precision",
    "use Deno 2.9 or newer, or a browser with WebGPU, or --backend cpu",
    "install a Vulkan driver (Debian: mesa-vulkan-drivers libvulkan1, or the GPU maker's) or use " +
    "--backend cpu",
    "close other programs that use the GPU, or use --backend cpu",
    "… and give the same command again: what was saved before is whole",
    "make room, or turn it off with --set teacher.cache.directory=null",
    "redirect it to a file on a disk with room",
    "set MIMIC_CACHE to a folder",
    "try again later, or give the path of a local file",
    "; the first start fetches libraries from the npm registry: look whether this machine reaches " +
    "it, then run the same command again",
  ],
  "It needs several processes, or another one in the way.": [
    "start all ranks by the same command with the same version",
    "set --… to what every host has",
    "start fewer, or raise --batch",
    "run with --allow-ffi",
    "install one (Debian: apt-get install openmpi-bin libopenmpi3), or give --mpi-library FILE",
    "give the file of the library that belongs to your mpirun",
    "use srun --mpi=pmix (or pmi2), or --launcher none for runs of their own",
    "wait for it, stop it, or give another directory",
    "what was not moved is lost; start the run again",
    "choose another --out, put the images back, or remove that directory",
    "choose another with --port, or 0 for any that is free",
    "check --host and --port",
  ],
  "It asks for somebody's own key or server.": [
    "set it to one such as http://127.0.0.1:5000",
    "copy your key from https://wandb.ai/authorize into that environment variable",
  ],
  "Followed by a test of its own, in processes with a task's permissions.": [
    "allow it: deno run -A main.ts … --log …",
    "it may listen on 127.0.0.1 only; give it more with: deno run --allow-read --allow-net main.ts " +
    "serve --host …",
  ],
};

/** Hints that the table does not follow by their text, with the reason. */
export const unfollowed: ReadonlyMap<string, string> = new Map(
  Object.entries(reasons).flatMap(([reason, texts]) => texts.map((text) => [text, reason])),
);
