import { totalmem } from 'node:os'

/**
 * Old generation of each worker, in MB. Half of what there is for all of them: a leak ends one worker, which is replaced,
 * and not the process. `available`: the container's limit where there is one, in bytes.
 */
export function heapLimitMb(workers: number, available = availableMemory()): number {
  return Math.max(64, Math.min(4096, Math.round(available / 2 ** 21 / workers)))
}

/** process.constrainedMemory reads the cgroup (v1 and v2); without a limit it says 0, or more than the machine has. */
function availableMemory(): number {
  const machine = totalmem()
  const limit = process.constrainedMemory()
  return limit > 0 && limit < machine ? limit : machine
}
