import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'

/** PIPE_BUF on Linux: a pipe takes this much from one writer without letting another in between (POSIX write(2)). */
const ATOMIC_BYTES = 4096
/** Regular files take any size at once; more per call only costs memory. */
const FILE_BYTES = 65_536
/** A reader that stalls costs this much memory per thread, then lines. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024
const FLUSH_MS = 100
/**
 * When a pipe is full: 1 ms, since it holds 64 KiB and a busy log fills that in 5; doubled up to 16 while nothing moves.
 */
const RETRY_MS = 1
const MAX_RETRY_MS = 16
/** How long the end of the process waits for a reader that stalls. */
const LAST_WAIT_MS = 1_000

/**
 * Writes lines to a descriptor in pieces of whole lines. Several threads may write to one descriptor and lines never
 * mix (up to 4 KiB each on a pipe), a reader that stalls never stops an event loop, and what is left is written when
 * the thread ends, by whatever way but a kill. Gathering costs a string append per line.
 */
export class LineSink {
  readonly #fd: number
  readonly #ownsFd: boolean
  readonly #pieceBytes: number
  readonly #buffered: boolean
  /** Lines not yet cut into pieces. */
  #lines = ''
  #pieces: Buffer[] = []
  #pendingBytes = 0
  #dropped = 0
  #closed = false
  #retryMs = RETRY_MS
  #timer: NodeJS.Timeout | undefined
  #waiters: (() => void)[] = []
  readonly #onExit = () => this.close()

  /** `buffered`: gather for 100 ms or until a piece is full; otherwise every line is written at once. */
  constructor(fd: number, buffered: boolean) {
    const pipe = nonBlockingPipe(fd)
    this.#ownsFd = pipe !== undefined
    this.#fd = pipe ?? fd
    this.#pieceBytes = isFile(fd) ? FILE_BYTES : ATOMIC_BYTES
    this.#buffered = buffered
    process.on('exit', this.#onExit)
  }

  /** `line` ends with a newline. */
  write(line: string): void {
    if (this.#closed) return
    if (this.#pendingBytes > MAX_PENDING_BYTES) {
      this.#dropped++
      return
    }
    if (this.#dropped > 0) this.#reportDropped()
    this.#lines += line
    this.#pendingBytes += line.length
    if (!this.#buffered || this.#lines.length >= this.#pieceBytes) this.#drain()
    else this.#timer ??= setTimeout(() => this.#drain(), FLUSH_MS).unref()
  }

  /** Resolves when all that was written so far is with the kernel, or never will be. */
  flush(): Promise<void> {
    this.#drain()
    if (this.#pieces.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** Writes what is left, waiting a second for a reader that stalls. Later lines are ignored. */
  close(): void {
    if (this.#closed) return
    const giveUpAt = performance.now() + LAST_WAIT_MS
    this.#drain()
    while (this.#pieces.length > 0 && performance.now() < giveUpAt) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
      this.#drain()
    }
    this.#end()
  }

  #drain(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#cut()
    while (this.#pieces.length > 0) {
      const piece = this.#pieces[0]!
      let written: number
      try {
        written = writeSync(this.#fd, piece)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // The reader is gone (EPIPE) or the disk is full: a load balancer goes on without its log.
        if (code !== 'EAGAIN' && code !== 'EBUSY') this.#end()
        else this.#retry()
        return
      }
      this.#retryMs = RETRY_MS
      this.#pendingBytes -= written
      if (written === piece.length) this.#pieces.shift()
      else this.#pieces[0] = piece.subarray(written)
    }
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #retry(): void {
    this.#timer = setTimeout(() => this.#drain(), this.#retryMs).unref()
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
  }

  /** Turns the gathered lines into pieces that end at line ends. */
  #cut(): void {
    if (this.#lines === '') return
    const bytes = Buffer.from(this.#lines)
    this.#pendingBytes += bytes.length - this.#lines.length
    this.#lines = ''
    let from = 0
    while (from < bytes.length) {
      let to = bytes.length
      if (to - from > this.#pieceBytes) {
        to = bytes.lastIndexOf(10, from + this.#pieceBytes - 1) + 1
        // A line longer than a piece goes out alone.
        if (to <= from) to = bytes.indexOf(10, from) + 1 || bytes.length
      }
      this.#pieces.push(bytes.subarray(from, to))
      from = to
    }
  }

  #end(): void {
    this.#closed = true
    this.#pieces = []
    clearTimeout(this.#timer)
    process.off('exit', this.#onExit)
    for (const resolve of this.#waiters.splice(0)) resolve()
    if (this.#ownsFd) closeSync(this.#fd)
  }

  #reportDropped(): void {
    const line = `{"level":"warn","time":"${new Date().toISOString()}","dropped":${this.#dropped},"msg":"log lines dropped: the reader of the log is too slow"}\n`
    this.#dropped = 0
    this.#lines += line
    this.#pendingBytes += line.length
  }
}

/**
 * A second descriptor of the same pipe, which answers EAGAIN where the first would stop the thread. Opened anew and
 * not switched: O_NONBLOCK belongs to what is behind a descriptor, and others (a shell) share it with us. Undefined
 * where `fd` is no pipe (a file does not block, a socket cannot be opened so), on systems without /proc, and after
 * dropping privileges: there the log blocks as it does everywhere else.
 */
function nonBlockingPipe(fd: number): number | undefined {
  try {
    if (!fstatSync(fd).isFIFO()) return undefined
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}
