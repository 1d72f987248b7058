import { type Logger, pino } from "pino";

/** JSON lines on stdout; `HEDDLE_LOG` sets the level (default `info`). */
export function createLog(): Logger {
  return pino({
    level: process.env.HEDDLE_LOG ?? "info",
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}
