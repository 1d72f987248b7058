import { stripVTControlCharacters } from "node:util";

const gap = "   ";

/** Columns as kubectl has them: as wide as their widest cell, left-aligned. Cells may have colors. Ends with a newline. */
export function printTable(rows: readonly (readonly string[])[], headers: readonly string[]): string {
  const lines = [headers, ...rows];
  const widths = headers.map((_, column) => Math.max(...lines.map((cells) => widthOf(cells[column] ?? ""))));
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => padded(cell, widths[column] ?? 0))
        .join(gap)
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
