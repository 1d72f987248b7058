// What the kernel says about a process.
import { readFileSync } from "node:fs";

/** Clock ticks per second in /proc: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;
const bytesPerMegabyte = 1024 * 1024;

/** CPU seconds that a process and its threads have used, to a hundredth. */
export function cpuSeconds(pid: number): number {
  return cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/** The same of what `/proc/…/stat` says. */
export function cpuSecondsOf(stat: string): number {
  // The name of the program, in parentheses, may contain spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

type MemoryField = "VmRSS" | "VmHWM" | "RssAnon";

/** Resident memory: all of it, its peak, or what is private to the process (MB). */
export function memory(pid: number, field: MemoryField): number {
  return memoryOf(readFileSync(`/proc/${pid}/status`, "utf8"), field);
}

/** The same of what `/proc/…/status` says. */
export function memoryOf(status: string, field: MemoryField): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status);
  if (line === null) throw new Error(`the status of the process has no ${field}`);
  return (Number(line[1]) * 1024) / bytesPerMegabyte;
}

/** Monotonic time, the same clock in every process of the machine (milliseconds). */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
