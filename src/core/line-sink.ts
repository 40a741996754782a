import { fstatSync, write, writeSync } from 'node:fs'

/** PIPE_BUF on Linux: a pipe takes this much from one writer without letting another in between (POSIX write(2)). */
const ATOMIC_BYTES = 4096
/** Regular files take any size at once; more per call only costs memory. */
const FILE_BYTES = 65_536
/** A reader that stalls costs this much memory per thread, then lines. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024
const FLUSH_MS = 100
/** How long a write that was handed to the thread pool may take to begin when the process ends meanwhile. */
const LAST_WRITE_MS = 20
const RETRY_MS = 20

/**
 * Gathers lines and writes them in pieces of whole lines, asynchronously: several threads write to one descriptor and
 * lines never mix (up to 4 KiB each on a pipe), a slow reader never stops an event loop, and a line costs a string
 * append. What is left at exit is written synchronously.
 */
export class LineSink {
  readonly #fd: number
  readonly #pieceBytes: number
  /** Lines not yet cut into pieces. */
  #lines = ''
  /** Pieces in order; the first may be in flight. */
  #pieces: Buffer[] = []
  #pendingBytes = 0
  #dropped = 0
  #writing = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #waiters: (() => void)[] = []
  readonly #onExit = () => this.flushSync()

  constructor(fd: number) {
    this.#fd = fd
    this.#pieceBytes = isFile(fd) ? FILE_BYTES : ATOMIC_BYTES
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
    if (this.#lines.length >= this.#pieceBytes) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), FLUSH_MS).unref()
  }

  /** Resolves when all that was written so far is with the kernel. */
  flush(): Promise<void> {
    this.#start()
    if (!this.#writing) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** For the end of the process: writes what is left, waiting for the reader if it must. */
  flushSync(): void {
    this.#cut()
    if (this.#closed) return
    if (this.#writing) {
      // The piece in flight is with the thread pool; nobody will tell us when it is done.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WRITE_MS)
      this.#pieces.shift()
    }
    let tries = 0
    while (this.#pieces.length > 0) {
      try {
        this.#wrote(writeSync(this.#fd, this.#pieces[0]!))
      } catch (error) {
        // One second for a reader that stalls on a non-blocking pipe.
        if (!isBusy(error) || ++tries > 50) return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
      }
    }
  }

  /** Writes what is left and stops listening for the process's end. */
  close(): void {
    this.flushSync()
    this.#closed = true
    process.off('exit', this.#onExit)
  }

  #start(): void {
    this.#cut()
    if (!this.#writing) this.#writeNext()
  }

  /** Turns the gathered lines into pieces that end at line ends. */
  #cut(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
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

  #writeNext(): void {
    const piece = this.#pieces[0]
    if (piece === undefined || this.#closed) {
      this.#writing = false
      for (const resolve of this.#waiters.splice(0)) resolve()
      return
    }
    this.#writing = true
    write(this.#fd, piece, (error, written) => {
      if (this.#closed) {
        this.#writeNext()
      } else if (error === null) {
        this.#wrote(written)
        this.#writeNext()
      } else if (isBusy(error)) {
        setTimeout(() => this.#writeNext(), RETRY_MS)
      } else {
        // The reader is gone (EPIPE) or the disk is full: a load balancer goes on without its log.
        this.#closed = true
        this.#pieces = []
        this.#writeNext()
      }
    })
  }

  #wrote(bytes: number): void {
    const piece = this.#pieces[0]!
    this.#pendingBytes -= bytes
    if (bytes >= piece.length) this.#pieces.shift()
    else this.#pieces[0] = piece.subarray(bytes)
  }

  #reportDropped(): void {
    const line = `{"level":"warn","time":"${new Date().toISOString()}","dropped":${this.#dropped},"msg":"log lines dropped: the reader of the log is too slow"}\n`
    this.#dropped = 0
    this.#lines += line
    this.#pendingBytes += line.length
  }
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}

function isBusy(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EAGAIN' || code === 'EBUSY'
}
