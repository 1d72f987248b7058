// What a command that takes a while shows: each step with how long it took, on standard error.
import { styleText } from "node:util";

export interface Steps {
  /** Runs a step; `progress` is what is shown behind its name meanwhile. */
  run<T>(name: string, work: (progress: (text: string) => void) => Promise<T>): Promise<T>;
}

const redrawMs = 200;

/** On a terminal the current step is drawn anew as it goes; elsewhere a line comes when it is over. */
export function showSteps(output: NodeJS.WriteStream = process.stderr): Steps {
  return {
    run: async (name, work) => {
      const begun = performance.now();
      const seconds = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
      let detail = "";
      const draw = () => output.write(`\r\x1b[K  ${name}${detail === "" ? "" : `: ${detail}`}  ${seconds()}`);
      const timer = output.isTTY ? setInterval(draw, redrawMs) : undefined;
      const end = (mark: string) => {
        clearInterval(timer);
        output.write(
          `${output.isTTY ? "\r\x1b[K" : ""}${mark} ${name} ${styleText("dim", `(${seconds()})`, { stream: output })}\n`,
        );
      };
      try {
        const result = await work((text) => {
          detail = text;
        });
        end(styleText("green", "✓", { stream: output }));
        return result;
      } catch (error) {
        end(styleText("red", "✗", { stream: output }));
        throw error;
      }
    },
  };
}
