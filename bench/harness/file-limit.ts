import { execFileSync } from 'node:child_process'

/** How many file descriptors a process started from here may have. */
export function fileLimit(): number {
  try {
    const text = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
    return text === 'unlimited' ? 1_000_000 : Number(text)
  } catch {
    return 1024
  }
}
