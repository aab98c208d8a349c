/** Text in pieces → text in lines. */
export class TextLineStream extends TransformStream<string, string> {
  constructor() {
    let rest = "";
    super({
      transform(text, controller) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() as string;
        for (const line of lines) controller.enqueue(line);
      },
    });
  }
}
