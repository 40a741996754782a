import { readFileSync } from 'node:fs'
import { posix } from 'node:path'

/**
 * Bytes of memory that the control groups of this process allow, those above it included (a pod, a slice of systemd);
 * Infinity without a limit. process.constrainedMemory looks at the innermost group only. `root`: where / is.
 */
export function cgroupLimit(root = '/'): number {
  let least = Infinity
  for (const line of read(root, '/proc/self/cgroup').split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers === undefined || group === undefined) continue
    if (controllers === '') least = Math.min(least, limitOfTwo(root, group))
    else if (controllers.split(',').includes('memory')) least = Math.min(least, limitOfOne(root, group))
  }
  return least
}

/** Version 2: each group on the way up may have limits. A group that a container does not see has no files. */
function limitOfTwo(root: string, group: string): number {
  let least = Infinity
  for (let at = posix.normalize(group); ; at = posix.dirname(at)) {
    for (const mount of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'])
      for (const file of ['memory.max', 'memory.high'])
        least = Math.min(least, bytes(read(root, posix.join(mount, at, file)).trim()))
    if (at === '/' || at === '.') return least
  }
}

/** Version 1: the kernel says what holds in the end. In a container its own group is mounted as the root. */
function limitOfOne(root: string, group: string): number {
  const mount = '/sys/fs/cgroup/memory'
  const stat =
    read(root, posix.join(mount, posix.normalize(group), 'memory.stat')) || read(root, `${mount}/memory.stat`)
  return bytes(/^hierarchical_memory_limit (\d+)$/m.exec(stat)?.[1] ?? '')
}

function bytes(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Infinity
}

/** Empty where there is no such file. */
function read(root: string, path: string): string {
  try {
    return readFileSync(posix.join(root, path), 'latin1')
  } catch {
    return ''
  }
}
