// What a command that takes a while shows: each step with how long it took, on standard error.
import { styleText } from "node:util";
import type { RunStep } from "#install/bring-up.ts";

const redrawMs = 200;

/** On a terminal the current step is drawn anew as it goes; elsewhere a line comes when it is over. */
export function showSteps(output: NodeJS.WriteStream = process.stderr): RunStep {
  return async (name, work) => {
    const begun = performance.now();
    const seconds = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
    let detail = "";
    const draw = () => output.write(`\r\x1b[K  ${name}${detail === "" ? "" : `: ${detail}`}  ${seconds()}`);
    const timer = output.isTTY ? setInterval(draw, redrawMs) : undefined;
    const end = (mark: string) => {
      clearInterval(timer);
      const time = styleText("dim", `(${seconds()})`, { stream: output });
      output.write(`${output.isTTY ? "\r\x1b[K" : ""}${mark} ${name} ${time}\n`);
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
  };
}
