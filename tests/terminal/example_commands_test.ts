import { commandsTest, examples } from "./_commands.ts";

commandsTest("examples", examples());
