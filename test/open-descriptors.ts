import { readdirSync, readlinkSync } from 'node:fs'

/** How many descriptors of this process lead to `path` (Linux). */
export function descriptorsTo(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false
    }
  }).length
}
