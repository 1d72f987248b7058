// Scripts that have the values of Secrets in them: everybody on the machine can read command lines, and environments only
// whoever may do anything to the process.

const variable = "HEDDLE_SCRIPT";

/** The words of a shell that runs the script of its environment. */
export const privateShell = ["sh", "-c", `eval "$${variable}"`] as const;

/** The environment for it, beside that of this process. */
export function withScript(script: string): NodeJS.ProcessEnv {
  return { ...process.env, [variable]: script };
}
