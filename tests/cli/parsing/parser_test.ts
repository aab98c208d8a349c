import assert from "node:assert/strict";
import { UserError } from "../../../core/errors.ts";
import {
  choice,
  type Command,
  defineCommand,
  integer,
  number,
  optional,
  path,
  repeated,
  required,
  some,
  text,
  toggle,
} from "../../../cli/parsing/command.ts";
import { parseCommand } from "../../../cli/parsing/parser.ts";

const command = defineCommand({
  name: "draw",
  summary: "Draw",
  description: "Draws.",
  arguments: { images: some("IMAGE", "What to draw.") },
  flags: {
    out: path("Where to.", { short: "o" }),
    maxSteps: integer("How many.", { minimum: 1 }),
    scale: number("How large."),
    set: repeated(text("More.")),
    format: choice("Kind.", ["png", "svg"]),
    json: toggle("As JSON."),
  },
  run: () => Promise.resolve(),
});

function parse(words: string[], of: Command = command) {
  return parseCommand(of, words, `deno task ${of.name}`);
}

function message(words: string[], of: Command = command): string {
  try {
    parse(words, of);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error("expected an error");
}

Deno.test("parseCommand() gives typed flags and arguments", () => {
  const words = ["a.png", "--max-steps", "3", "--set=a=1", "--set", "b=2", "-o", "x", "b.png"];
  assert.deepEqual(parse([...words, "--scale=0.5", "--format", "svg", "--json"]), {
    flags: {
      out: "x",
      maxSteps: 3,
      scale: 0.5,
      set: ["a=1", "b=2"],
      format: "svg",
      json: true,
    },
    arguments: { images: ["a.png", "b.png"] },
  });
  assert.deepEqual(parse(["a.png"]).flags, {
    out: undefined,
    maxSteps: undefined,
    scale: undefined,
    set: [],
    format: undefined,
    json: false,
  });
  assert.deepEqual(parse(["--", "--json"]).arguments, { images: ["--json"] });
});

Deno.test("parseCommand() knows required and optional arguments", () => {
  const copy = defineCommand({
    name: "copy",
    summary: "Copy",
    description: "Copies.",
    arguments: { from: required("IN", "From."), to: optional("OUT", "To.") },
    run: () => Promise.resolve(),
  });
  assert.deepEqual(parse(["a", "b"], copy).arguments, { from: "a", to: "b" });
  assert.deepEqual(parse(["a"], copy).arguments, { from: "a", to: undefined });
  assert.match(message([], copy), /; see `deno task copy --help`$/);
  assert.match(message(["a", "b", "c"], copy), /"c"; see `deno task copy --help`$/);
});

Deno.test("each mistake on the command line is one line with a way out", () => {
  const cases: [words: string[], wanted: RegExp][] = [
    [["a", "--max-stops", "3"], /"--max-stops"; did you mean "--max-steps"\?$/],
    [["a", "--jsn"], /did you mean "--json"\?$/],
    [["a", "--frobnicate"], /; see `deno task draw --help`$/],
    [["a", "--max-steps", "many"], /^"--max-steps": Expected a valid integer, but got "many"/],
    [["a", "--max-steps", "0"], /greater than or equal to 1, but got "0"/],
    [["a", "--max-steps"], /^"--max-steps" requires "N"/],
    [["a", "--format", "jpg"], /Expected one of "png" and "svg", but got "jpg"/],
    [["a", "--out", "x", "--out", "y"], /"--out" cannot be used multiple times/],
    [[], /; see `deno task draw --help`$/],
  ];
  for (const [words, wanted] of cases) {
    const found = message(words);
    assert.match(found, wanted);
    assert.doesNotMatch(found, /\n/);
  }
});

Deno.test("a stray word may be the images; the wrong value of a flag is not", () => {
  const train = defineCommand({
    name: "train",
    summary: "Train",
    description: "Trains.",
    arguments: {},
    flags: { data: path("Images."), format: choice("Kind.", ["png", "svg"]) },
    run: () => Promise.resolve(),
  });
  assert.match(message(["photos"], train), /"photos"; did you mean "--data=photos"\?$/);
  assert.match(message(["--format", "jpg"], train), /got "jpg"; see `deno task train --help`$/);
});
