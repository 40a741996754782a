import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { systemReason } from './report/system-reason.ts'

/** Far more than the largest real configuration: 10,000 backends with names and weights are 700 KB. */
const MAX_FILE_BYTES = 10 * 1024 * 1024

/** Why a file cannot be read, and what to do. */
export interface FileProblem {
  readonly message: string
  readonly line: number
  readonly column: number
}

const STDIN = 0

/** Standard input as UTF-8 text. */
export function readStandardInput(): string | FileProblem {
  return readConfigFile('/dev/stdin')
}

/** Reads the file as UTF-8 text. */
export function readConfigFile(path: string): string | FileProblem {
  let bytes: Buffer
  try {
    const file = opened(path)
    try {
      const stat = fstatSync(file)
      if (stat.isDirectory()) return problem('this is a directory; name the YAML file in it')
      if (stat.size > MAX_FILE_BYTES) return tooLarge()
      bytes = readBounded(file)
    } finally {
      if (file !== STDIN) closeSync(file)
    }
  } catch (error) {
    const cure =
      error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? '; name the file with --config, or write one as in docs/config.md'
        : '; name another with --config'
    return problem(`cannot read the configuration: ${systemReason(error)}${cure}`)
  }
  if (bytes.length > MAX_FILE_BYTES) return tooLarge()
  return decode(bytes)
}

function opened(path: string): number {
  try {
    // Non-blocking: a FIFO without a writer reads as empty instead of blocking.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    // A program that Node starts has a socket there, which cannot be opened; Windows has no such path.
    if (path === '/dev/stdin') return STDIN
    throw error
  }
}

function problem(message: string, line = 1, column = 1): FileProblem {
  return { message, line, column }
}

function tooLarge(): FileProblem {
  return problem('the file is over 10 MB; that is not a configuration. Name the YAML file with --config')
}

/** A pipe such as /dev/stdin has no size, so the bound applies to the bytes read; its writer gets two seconds. */
function readBounded(file: number): Buffer {
  const chunks: Buffer[] = []
  let total = 0
  let waits = 0
  while (total <= MAX_FILE_BYTES) {
    const chunk = Buffer.allocUnsafe(65_536)
    const read = readOrWait(file, chunk)
    if (read === 0) break
    if (read === undefined) {
      if (++waits > 200) throw new Error('nothing arrives on the pipe')
      continue
    }
    chunks.push(chunk.subarray(0, read))
    total += read
  }
  return Buffer.concat(chunks)
}

function readOrWait(file: number, chunk: Buffer): number | undefined {
  try {
    return readSync(file, chunk)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    return undefined
  }
}

function decode(bytes: Buffer): string | FileProblem {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const at = invalidOffset(bytes)
    const before = bytes.subarray(0, at)
    const line = before.filter((byte) => byte === 0x0a).length + 1
    const column = before.subarray(before.lastIndexOf(0x0a) + 1).toString('utf8').length + 1
    const binary = bytes.subarray(0, 8192).includes(0)
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    if (utf16) return problem('this text is in UTF-16; save the file as UTF-8', 1, 1)
    const message = binary
      ? 'this is a binary file; a YAML text is expected'
      : `byte 0x${bytes[at]!.toString(16)} is not UTF-8; save the file as UTF-8`
    return problem(message, line, column)
  }
}

/** The offset of the first byte that is not valid UTF-8: bisects for the longest valid prefix. */
function invalidOffset(bytes: Buffer): number {
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (isText(bytes.subarray(0, middle), true)) low = middle
    else high = middle - 1
  }
  // The last character may be incomplete, by at most three bytes.
  let offset = low
  while (offset > 0 && low - offset < 3 && !isText(bytes.subarray(0, offset), false)) offset--
  return Math.min(offset, bytes.length - 1)
}

function isText(bytes: Buffer, stream: boolean): boolean {
  try {
    // `stream` allows the last character to be incomplete.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream })
    return true
  } catch {
    return false
  }
}
