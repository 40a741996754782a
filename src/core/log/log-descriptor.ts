import { constants, fstatSync, openSync, readlinkSync } from 'node:fs'

/**
 * A second descriptor of the same pipe, which answers EAGAIN where the first would stop the thread. Opened anew and
 * not switched: O_NONBLOCK belongs to what is behind a descriptor, and others (a shell) share it with us. Undefined
 * where `fd` is no pipe (a file does not block, a socket cannot be opened so), on systems without /proc, and after
 * dropping privileges: there the log blocks as it does everywhere else.
 */
export function nonBlockingPipe(fd: number): number | undefined {
  try {
    if (!fstatSync(fd).isFIFO()) return undefined
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}

export function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}

/** The name that a file had when it was opened, to be opened again after it was moved. */
export function pathOf(fd: number): string | undefined {
  try {
    return isFile(fd) ? readlinkSync(`/proc/self/fd/${fd}`) : undefined
  } catch {
    return undefined
  }
}
