import { fstatSync, ftruncateSync, readFileSync, writeSync } from 'node:fs'

const O_APPEND = 0o2000

/**
 * Takes the last `bytes` of a log file back: the beginning of a line whose rest found no room on the disk. Cut off where
 * writes go to the end; blanked where several programs share one position (a shell's `>`), which a cut would leave behind
 * the end. Neither needs room. Linux; elsewhere the line stays torn.
 */
export function takeBackTornLine(fd: number, bytes: number): void {
  try {
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
    const from = fstatSync(fd).size - bytes
    if (from < 0 || flags === undefined) return
    if ((Number.parseInt(flags, 8) & O_APPEND) !== 0) ftruncateSync(fd, from)
    else writeSync(fd, Buffer.from(`${' '.repeat(bytes - 1)}\n`), 0, bytes, from)
  } catch {
    // Not a file after all, or gone.
  }
}

/** Bytes of a line whose end was not written with the first `written` bytes of `piece`; `before` are of the same line. */
export function tornAfter(piece: Buffer, written: number, before: number): number {
  const end = piece.lastIndexOf(10, written - 1)
  return end === -1 ? before + written : written - end - 1
}

export function linesIn(piece: Buffer): number {
  let lines = 0
  for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) lines++
  return lines
}
