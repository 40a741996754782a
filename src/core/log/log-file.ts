import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync
} from 'node:fs'
import { JsonLines } from './json-lines.ts'
import { lineBytes, type LineBytes } from './line-bytes.ts'
import { LineSink } from './line-sink.ts'
import { ownComment, ownJson } from './lost-lines.ts'

function opened(path: string): number {
  try {
    return openSync(path, 'a', 0o640)
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' ? 'there is no such directory' : code === 'EACCES' ? 'permission denied' : code
    throw new Error(`the log ${path} cannot be opened: ${why}`, { cause: error })
  }
}

export interface Rotation {
  readonly bytes: number
  /** Old files, `.1` the newest. */
  readonly keep: number
}

/** A lock that is older was left by a process that died. */
const STALE_LOCK_MS = 10_000

/** How long until a file that cannot be opened is tried again. */
const RETRY_MS = 1_000

const NO_BYTES: Buffer = Buffer.alloc(0)

/** A file that no configuration names any more is closed when this long no line has come. */
const UNUSED_MS = 10_000

const files = new Map<string, LogFile>()
/** The paths that each user names. */
const users = new Map<object, ReadonlySet<string>>()
let sweep: NodeJS.Timeout | undefined

/**
 * `user` names these files from now on. Those of this thread that nobody names are closed once what still writes to them, as an old
 * exchange or connection, is silent; a later line opens them once more. `now`: without waiting, since nothing writes any more.
 */
export function useLogFiles(user: object, paths: ReadonlySet<string>, now = false): void {
  if (paths.size === 0) users.delete(user)
  else users.set(user, paths)
  closeUnused(now ? 0 : UNUSED_MS)
}

function closeUnused(silentMs: number): void {
  let waits = false
  for (const [path, file] of files) {
    const isUsed = [...users.values()].some((paths) => paths.has(path))
    if (!isUsed && !file.closeAfter(silentMs)) waits = true
  }
  if (!waits || sweep !== undefined) return
  sweep = setTimeout(() => {
    sweep = undefined
    closeUnused(UNUSED_MS)
  }, UNUSED_MS).unref()
}

type Tell = (path: string, error: Error) => void

let onMissing: Tell | undefined

/**
 * While `tell` is set, a log file that cannot be opened is told and tried again while lines come, in place of an exception. For a
 * worker in place of one that died: the file may be another user's since lb has dropped root, and that must not keep clients
 * waiting.
 */
export function goOnWithout(tell: Tell | undefined): void {
  onMissing = tell
}

/** Not where lb has given up the rights for it: what is closed then could not be opened again. */
function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** The log file at `path`, one per thread; throws where it cannot be opened. `format`: of its lines. */
export function logFile(path: string, rotation: Rotation | undefined, format: string): LogFile {
  const known = files.get(path)
  if (known !== undefined) {
    known.rotation = rotation
    known.format = format
    return known
  }
  const made = new LogFile(path, rotation, format)
  files.set(path, made)
  return made
}

/**
 * A file that the lines of several threads go to. The first that finds it too long moves it away, under a lock, and the
 * others follow. SIGUSR1 opens it anew for all, as every log file (`reopenLogs`).
 */
export class LogFile {
  rotation: Rotation | undefined
  /** Its lines of JSON. */
  readonly lines = new JsonLines(this)
  readonly #path: string
  #sink: LineSink | undefined
  #format: string
  #unlooked = 0
  readonly #onMissing = onMissing
  #triedAt = -Infinity
  /** Since it was last looked at. */
  #hasLines = false
  #silentSince = performance.now()
  /** Nobody names it any more. */
  #isLate = false
  #complained = ''

  constructor(path: string, rotation: Rotation | undefined, format: string) {
    this.#path = path
    this.rotation = rotation
    this.#format = format
    this.#open()
  }

  set format(format: string) {
    this.#format = format
    if (this.#sink !== undefined) this.#sink.own = format === 'json' ? ownJson : ownComment
  }

  /** `line` without its end; `ascii`: that is all it holds. */
  write(line: string, ascii = false): void {
    const sink = this.#sink ?? this.#open()
    if (sink === undefined) return
    this.#hasLines = true
    sink.write(`${line}\n`, true, ascii)
    if (this.rotation !== undefined) this.#grew(line.length, this.rotation)
  }

  beginLine(): LineBytes {
    const sink = this.#sink ?? this.#open()
    return sink?.beginLine() ?? lineBytes.begin(NO_BYTES, 0)
  }

  endLine(line: LineBytes): void {
    const file = this.#sink === undefined ? this.#other : this
    const sink = file === undefined ? undefined : file.#sink
    if (sink === undefined) return
    this.#hasLines = true
    const length = line.end - line.start
    sink.endLine(line)
    if (this.rotation !== undefined) this.#grew(length, this.rotation)
  }

  /** Closes it, and forgets it, if no line has come for `ms`. False: it stays for now. */
  closeAfter(ms: number): boolean {
    const now = performance.now()
    if (this.#hasLines) this.#silentSince = now
    this.#hasLines = false
    if (now - this.#silentSince < ms || !mayOpen(this.#path)) return false
    const sink = this.#sink
    this.#sink = undefined
    this.#triedAt = -Infinity
    this.#isLate = true
    files.delete(this.#path)
    if (sink !== undefined) void sink.flush().then(() => sink.close())
    return true
  }

  /** In its place, where it was forgotten and is named again. */
  get #other(): LogFile | undefined {
    if (!this.#isLate) return undefined
    const file = files.get(this.#path)
    return file === this ? undefined : file
  }

  #open(): LineSink | undefined {
    const other = this.#other
    if (other !== undefined) return other.#sink ?? other.#open()
    const now = performance.now()
    if (now - this.#triedAt < RETRY_MS) return undefined
    this.#triedAt = now
    try {
      this.#sink = new LineSink(opened(this.#path), true, this.#path)
      this.format = this.#format
      if (!this.#isLate) return this.#sink
      files.set(this.#path, this)
      closeUnused(UNUSED_MS)
      return this.#sink
    } catch (error) {
      if (this.#isLate) return undefined
      if (this.#onMissing === undefined) throw error
      const { message } = error as Error
      if (message !== this.#complained) this.#onMissing(this.#path, error as Error)
      this.#complained = message
      return undefined
    }
  }

  #grew(length: number, rotation: Rotation): void {
    if (this.#sink === undefined) return
    this.#unlooked += length
    if (this.#unlooked < Math.min(1_048_576, rotation.bytes / 16)) return
    this.#unlooked = 0
    this.#look(rotation)
  }

  #look({ bytes, keep }: Rotation): void {
    let there: ReturnType<typeof statSync> | undefined
    try {
      there = statSync(this.#path)
    } catch {
      // Somebody has moved the file away: a new one is opened.
    }
    if (there !== undefined && there.ino === fstatSync(this.#sink!.fd).ino) {
      if (there.size < bytes || !this.#locked(() => this.#rotate(keep))) return
    }
    this.#sink!.reopen()
  }

  #rotate(keep: number): void {
    for (let i = keep; i > 0; i--) {
      const from = i === 1 ? this.#path : `${this.#path}.${i - 1}`
      try {
        renameSync(from, `${this.#path}.${i}`)
      } catch {
        // There are fewer old files than may be kept.
      }
    }
    if (keep === 0) rmSync(this.#path, { force: true })
  }

  /** False: another thread holds the lock, or held it just now. */
  #locked(act: () => void): boolean {
    const lock = `${this.#path}.lock`
    try {
      closeSync(openSync(lock, 'wx'))
    } catch {
      this.#dropStale(lock)
      return false
    }
    try {
      // Checked once more under the lock, now that no other thread moves the file.
      if (statSync(this.#path).ino === fstatSync(this.#sink!.fd).ino) act()
      return true
    } catch {
      return true
    } finally {
      unlinkSync(lock)
    }
  }

  #dropStale(lock: string): void {
    try {
      if (Date.now() - statSync(lock).mtimeMs > STALE_LOCK_MS) unlinkSync(lock)
    } catch {
      // The lock is gone.
    }
  }
}
