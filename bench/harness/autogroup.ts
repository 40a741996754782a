import { readFileSync, writeFileSync } from 'node:fs'

const file = '/proc/self/autogroup'

/**
 * Linux with sched_autogroup shares the processor between sessions first and looks at niceness only within one, so for
 * `--nice` to mean anything beside another terminal the session's own niceness must follow (man 7 sched). Returns what
 * sets it back; does nothing where there is no such file or no right to write it.
 */
export function niceSession(nice: number): () => void {
  try {
    const before = /nice (-?\d+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '0'
    writeFileSync(file, String(nice))
    return () => writeFileSync(file, before)
  } catch {
    return () => {}
  }
}
