/** Pure readers of the texts under /proc (man 5 proc). */

export interface ProcStat {
  readonly pid: number
  readonly parent: number
  /** Processor time of all threads, user and system, in clock ticks. */
  readonly ticks: number
}

export function parseStat(text: string): ProcStat | undefined {
  // The name stands in parentheses and may itself hold spaces and parentheses: count from the last one.
  const close = text.lastIndexOf(')')
  const pid = Number.parseInt(text, 10)
  const fields = text.slice(close + 2).split(' ')
  const parent = Number(fields[1])
  const ticks = Number(fields[11]) + Number(fields[12])
  return close < 0 || !Number.isInteger(pid) || !Number.isFinite(ticks) ? undefined : { pid, parent, ticks }
}

/** A `Name:  123 kB` line of /proc/<pid>/status or smaps_rollup, in bytes. */
export function parseKilobytes(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)
  return match === null ? undefined : Number(match[1]) * 1024
}

/** A list such as `0-2,5` (Cpus_allowed_list). */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number)
      return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index)
    })
}

/** `root` and all its descendants. */
export function treeOf(root: number, all: readonly ProcStat[]): ProcStat[] {
  const wanted = new Set([root])
  // A child may have a smaller pid than its parent (pids wrap around), so go round until nothing is added.
  for (let size = 0; size !== wanted.size;) {
    size = wanted.size
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid)
  }
  return all.filter(({ pid }) => wanted.has(pid))
}
