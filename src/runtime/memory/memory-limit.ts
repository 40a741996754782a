import { totalmem } from 'node:os'
import { cgroupLimit } from './cgroup-limit.ts'

/**
 * Size of each worker's old generation in MB. Half of the available memory for all of them: a leak ends one worker,
 * which is replaced, and not the process. `available`: in bytes, the container's limit where there is one.
 */
export function heapLimitMb(workers: number, available = availableMemory()): number {
  return Math.max(64, Math.min(4096, Math.round(available / 2 ** 21 / workers)))
}

/** Without a limit process.constrainedMemory returns 0, or more than the machine has. */
function availableMemory(): number {
  const machine = totalmem()
  return Math.min(machine, process.constrainedMemory() || machine, cgroupLimit())
}
