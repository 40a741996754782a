import { writeSync } from 'node:fs'

/**
 * What the kernel takes of the bytes, or a negative error. A write through libuv would keep a reference to the bytes that
 * the kernel does not take, and they are in the buffer that everybody reads into. Asked directly, the kernel tells how
 * much it took, and only the rest is copied.
 */
export function writeAtOnce(fd: number, buffer: Buffer, start: number, end: number): number {
  try {
    return writeSync(fd, buffer, start, end - start)
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException
    return code === 'EAGAIN' ? 0 : errno!
  }
}
