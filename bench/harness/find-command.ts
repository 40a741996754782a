import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

// Debian keeps servers in /usr/sbin, which is not on a user's PATH.
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

/** LB_BENCH_HIDE=nginx,wrk: as if these were not installed, to try what the benchmarks do without them. */
const hidden = (process.env.LB_BENCH_HIDE ?? '').split(',')

export function isHidden(name: string): boolean {
  return hidden.includes(name)
}

export function findCommand(name: string): string | undefined {
  if (isHidden(name)) return undefined
  for (const folder of folders) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this one.
    }
  }
  return undefined
}

/** The first line that a command prints about its version, on either stream. */
export function versionOf(path: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(path, args, { encoding: 'utf8', timeout: 10_000 })
  return `${stdout}${stderr}`.trim().split('\n')[0] ?? ''
}
