import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { parseKilobytes, parseStat, treeOf, type ProcStat } from './proc.ts'

/** Resources of a process with all that it started. Linux only: elsewhere every figure is undefined. */

const ticksPerSecond = readTicksPerSecond()

export interface Memory {
  /** Proportional share: pages that several processes share are counted once between them. */
  readonly pssBytes?: number
  readonly rssBytes?: number
}

export function processTree(root: number): ProcStat[] {
  return treeOf(root, allProcesses())
}

/** Processor time so far in microseconds; the resolution is one clock tick (10 ms). */
export function cpuMicroseconds(root: number): number | undefined {
  const tree = processTree(root)
  if (tree.length === 0) return undefined
  return (tree.reduce((sum, { ticks }) => sum + ticks, 0) * 1e6) / ticksPerSecond
}

export function memory(root: number): Memory {
  let pssBytes: number | undefined
  let rssBytes: number | undefined
  for (const { pid } of processTree(root)) {
    const pss = parseKilobytes(read(`/proc/${pid}/smaps_rollup`), 'Pss')
    const rss = parseKilobytes(read(`/proc/${pid}/status`), 'VmRSS')
    if (pss !== undefined) pssBytes = (pssBytes ?? 0) + pss
    if (rss !== undefined) rssBytes = (rssBytes ?? 0) + rss
  }
  return { pssBytes, rssBytes }
}

function allProcesses(): ProcStat[] {
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return []
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map((name) => parseStat(read(`/proc/${name}/stat`)))
    .filter((stat) => stat !== undefined)
}

/** Empty when the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readTicksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100
  } catch {
    return 100
  }
}
