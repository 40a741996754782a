import { writeLatin1 } from '../latin1.ts'
import { lineBytes, type LineBytes } from './line-bytes.ts'
import { LostLines, NO_READER, type OwnLine, ownJson, SLOW_READER, whyRefused } from './lost-lines.ts'
import { takeBackTornLine, tornAfter } from './torn-line.ts'
import { isFile, nonBlockingPipe, pathOf } from './log-descriptor.ts'
import { closeSync, openSync, writeSync } from 'node:fs'

/** PIPE_BUF on Linux: a pipe takes this much from one writer without letting another in between (POSIX write(2)). */
const ATOMIC_BYTES = 4096
/** Regular files take any size at once; more per call only costs memory. */
const FILE_BYTES = 65_536
/** Room behind a piece, for the line that fills it. */
const ROOM_BYTES = 16_384
/** Most bytes per thread that wait for a reader that stalls; with more, new lines are dropped. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024
const FLUSH_MS = 100
/**
 * When a pipe is full: 1 ms, since it holds 64 KiB and a busy log fills that in 5; doubled up to 16 while nothing moves.
 */
const RETRY_MS = 1
const MAX_RETRY_MS = 16
/** How long a thread that ends waits for a reader that stalls: a worker, then the main thread, within a second together. */
const LAST_WAIT_MS = 400
/** How long it waits for a reader that reads, but slowly. */
const MOST_FLUSH_MS = 3_000

/** Of this thread, for `reopenLogs`. */
const sinks = new Set<LineSink>()

/** Opens every log file of this thread anew, by the name that it had at the start: after logrotate has moved it away. */
export function reopenLogs(): void {
  for (const sink of sinks) sink.reopen()
}

/** Writes what all logs of this thread have gathered, files of their own included; see `LineSink.flush`. */
export async function flushLogs(): Promise<void> {
  await Promise.all([...sinks].map((sink) => sink.flush()))
}

/**
 * Writes lines to a descriptor in pieces of whole lines. Several threads may write to one descriptor and lines never
 * mix (up to 4 KiB each on a pipe), a reader that stalls never stops an event loop, and what is left is written when
 * the thread ends, by whatever way but a kill.
 */
export class LineSink {
  #fd: number
  #ownsFd: boolean
  /** The path of a file when it was opened; undefined for what is no file. */
  readonly #path: string | undefined
  /** When the reader last took something. */
  #movedAt = 0
  /** The reader has been waited for long enough. */
  #gaveUp = false
  /** How it tells of itself; set by whoever knows its format. */
  own: OwnLine = ownJson
  readonly #pieceBytes: number
  readonly #buffered: boolean
  /**
   * Lines not yet cut into pieces, as bytes from the start: kept as a string they would be a rope of some thirty parts a line,
   * which minor collections have to copy, and cost twice the time to write out.
   */
  #gathered: Buffer | undefined
  #used = 0
  #pieces: Buffer[] = []
  #pendingBytes = 0
  readonly #lost: LostLines
  /** Bytes of a line that were written without its end. */
  #torn = 0
  #closed = false
  #readerGone = false
  #retryMs = RETRY_MS
  #timer: NodeJS.Timeout | undefined
  #waiters: (() => void)[] = []
  readonly #onExit = () => this.close()

  /**
   * `buffered`: gather for 100 ms or until a piece is full; otherwise every line is written at once. `file`: the path that `fd`
   * was opened by for this sink, which closes it.
   */
  constructor(fd: number, buffered: boolean, file?: string) {
    const pipe = nonBlockingPipe(fd)
    this.#ownsFd = pipe !== undefined || file !== undefined
    this.#fd = pipe ?? fd
    this.#path = pathOf(fd)
    this.#lost = new LostLines(file)
    this.#pieceBytes = isFile(fd) ? FILE_BYTES : ATOMIC_BYTES
    this.#buffered = buffered
    if (pipe !== undefined && file !== undefined) closeSync(fd)
    process.on('exit', this.#onExit)
    sinks.add(this)
  }

  get fd(): number {
    return this.#fd
  }

  /**
   * `line` ends with a newline. `gather`: it may wait for others, as lines that come with every request do. `ascii`: that is
   * all it holds, which is faster.
   */
  write(line: string, gather = this.#buffered, ascii = false): void {
    if (!this.#accepts()) return
    const most = ascii ? line.length : 3 * line.length
    this.#roomFor(most)
    const bytes = this.#gathered!
    const size = ascii ? writeLatin1(bytes, line, this.#used) : bytes.write(line, this.#used)
    this.#took(size, gather)
  }

  /** A line of ASCII that may wait for others; nothing else is written before its `endLine`. */
  beginLine(): LineBytes {
    this.#roomFor(ROOM_BYTES)
    return lineBytes.begin(this.#gathered!, this.#used)
  }

  endLine({ bytes, start, end }: LineBytes): void {
    if (!this.#accepts()) return
    // There was no room for it here.
    if (bytes !== this.#gathered) {
      this.#roomFor(end - start)
      bytes.copy(this.#gathered!, this.#used, start, end)
    }
    this.#took(end - start, true)
  }

  /** Resolves when all that was written so far is with the kernel, or never will be, or the reader stalls. */
  flush(): Promise<void> {
    this.#drain()
    if (this.#pieces.length === 0) return Promise.resolve()
    const began = performance.now()
    this.#movedAt = began
    return new Promise((resolve) => {
      const look = setInterval(() => {
        const now = performance.now()
        if (now - this.#movedAt < LAST_WAIT_MS && now - began < MOST_FLUSH_MS) return
        this.#gaveUp = true
        done()
      }, LAST_WAIT_MS / 8)
      const done = (): void => {
        clearInterval(look)
        resolve()
      }
      this.#waiters.push(done)
    })
  }

  /** Goes on in a new file under the old name. Where it cannot be opened (privileges were dropped) the old one stays. */
  reopen(): void {
    if (this.#path === undefined || this.#closed) return
    this.#drain()
    try {
      const fd = openSync(this.#path, 'a', 0o640)
      if (this.#ownsFd) closeSync(this.#fd)
      this.#fd = fd
      this.#ownsFd = true
    } catch (error) {
      const { message } = error as Error
      this.write(`${this.own('error', `log not reopened: ${message}`)}\n`)
    }
  }

  /** Writes what is left, waiting a second for a reader that stalls. Later lines are ignored. */
  close(): void {
    if (this.#closed) return
    const began = performance.now()
    this.#movedAt = this.#gaveUp ? 0 : began
    this.#drain()
    for (let now = began; this.#pieces.length > 0; now = performance.now()) {
      if (now - this.#movedAt >= LAST_WAIT_MS || now - began >= MOST_FLUSH_MS) break
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
      this.#drain()
    }
    this.#end()
  }

  /** False: the line is dropped. */
  #accepts(): boolean {
    if (!this.#closed && this.#pendingBytes <= MAX_PENDING_BYTES) return true
    if (!this.#closed) this.#lost.lost(1, SLOW_READER)
    else if (this.#readerGone) this.#lost.lost(1, NO_READER)
    return false
  }

  #roomFor(most: number): void {
    if (this.#gathered !== undefined && this.#used + most > this.#gathered.length) this.#cut()
    this.#gathered ??= Buffer.allocUnsafeSlow(this.#pieceBytes + Math.max(most, ROOM_BYTES))
  }

  #took(size: number, gather: boolean): void {
    this.#used += size
    this.#pendingBytes += size
    if (!gather || this.#used >= this.#pieceBytes) this.#drain()
    else if (this.#timer === undefined) this.#drainLater()
  }

  // A function of its own: what a closure captures is allocated by every call, also by those that make no closure.
  #drainLater(): void {
    this.#timer = setTimeout(() => this.#drain(), FLUSH_MS).unref()
  }

  #drain(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const gathered = this.#gathered
    if (!this.#closed && this.#pendingBytes <= MAX_PENDING_BYTES) this.#tellOfLost()
    this.#cut()
    while (this.#pieces.length > 0) {
      const piece = this.#pieces[0]!
      let written: number
      try {
        written = writeSync(this.#fd, piece)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // The reader is gone (EPIPE) or the disk is full: a load balancer goes on without its log.
        if (code !== 'EAGAIN' && code !== 'EBUSY') this.#failed(code)
        else this.#retry()
        return
      }
      this.#retryMs = RETRY_MS
      this.#movedAt = performance.now()
      this.#pendingBytes -= written
      this.#torn = written === piece.length ? 0 : tornAfter(piece, written, this.#torn)
      const rest = written === piece.length ? undefined : piece.subarray(written)
      this.#lost.written(piece, rest)
      if (rest === undefined) this.#pieces.shift()
      else this.#pieces[0] = rest
    }
    // Nothing refers to it any more.
    if (gathered !== undefined && gathered.length <= this.#pieceBytes + ROOM_BYTES) this.#gathered = gathered
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  /**
   * The reader is gone (EPIPE), and a load balancer goes on without its log; or a file takes nothing, as on a full disk: the lines
   * that wait are dropped and counted, since it may later. A line of which only a part was taken is taken back.
   */
  #failed(code: string | undefined): void {
    this.#readerGone = this.#path === undefined
    this.#lost.lostPieces(this.#pieces, this.#readerGone ? NO_READER : whyRefused(code))
    if (this.#readerGone) return this.#end()
    if (this.#torn > 0) takeBackTornLine(this.#fd, this.#torn)
    this.#torn = 0
    this.#pieces = []
    this.#pendingBytes = this.#used
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #retry(): void {
    this.#timer = setTimeout(() => this.#drain(), this.#retryMs).unref()
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
  }

  /** Turns the gathered lines into pieces that end at line ends. */
  #cut(): void {
    if (this.#gathered === undefined) return
    const bytes = this.#gathered.subarray(0, this.#used)
    this.#gathered = undefined
    this.#used = 0
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
    sinks.delete(this)
    for (const resolve of this.#waiters.splice(0)) resolve()
    if (this.#ownsFd) closeSync(this.#fd)
  }

  #tellOfLost(): void {
    const piece = this.#lost.told(this.own)
    if (piece === undefined) return
    this.#pieces.push(piece)
    this.#pendingBytes += piece.length
  }
}
