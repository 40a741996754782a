import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseCpuList } from './proc.ts'

/**
 * Which cores do what. What is measured gets one to itself, so that the load generator and the origin never take its
 * cache or its time slices, and ratios repeat. Undefined: no taskset, or a single core.
 */
export interface Pins {
  readonly proxy: string
  readonly origin: string
  readonly load: string
}

export function choosePins(cpus: readonly number[]): Pins | undefined {
  const [first, second, third] = cpus
  if (second === undefined) return undefined
  return { proxy: String(first), origin: String(second), load: String(third ?? second) }
}

export function detectPins(): Pins | undefined {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
    return choosePins(parseCpuList(allowed?.[1] ?? ''))
  } catch {
    return undefined
  }
}
