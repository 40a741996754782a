import { writeSync } from 'node:fs'

/**
 * How many of the bytes the kernel accepts, or a negative error. A write through libuv would keep a reference to the
 * rest, which is in the read buffer that all connections share. This asks the kernel directly, so that only the rest is
 * copied.
 */
export function writeAtOnce(fd: number, buffer: Buffer, start: number, end: number): number {
  try {
    return writeSync(fd, buffer, start, end - start)
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException
    return code === 'EAGAIN' ? 0 : errno!
  }
}
