import { commandsTest, documented } from "./_commands.ts";

commandsTest("README and tutorial", documented());
