import { linesIn } from './torn-line.ts'

/** `file`: the log file's path, undefined for what all threads log to. */
export type LossReport = (file: string | undefined, lines: number, why: string) => void

/** One per runtime in this thread; the newest is told. */
const reports: LossReport[] = []

/** Tells `report` of the lines that logs of this thread lose from now on. Returns how to undo it. */
export function reportLosses(report: LossReport): () => void {
  reports.push(report)
  return () => {
    const at = reports.lastIndexOf(report)
    if (at !== -1) reports.splice(at, 1)
  }
}

/** What a log tells of itself, as a line without its end. */
export type OwnLine = (level: 'warn' | 'error', message: string, dropped?: number) => string

export const ownJson: OwnLine = (level, message, dropped) =>
  JSON.stringify({
    level,
    time: new Date().toISOString(),
    ...(dropped !== undefined && { dropped }),
    msg: message
  })

/**
 * A comment, for files of another format: programs that read access logs (AWStats, GoAccess) skip lines that begin with #,
 * and those that know no comments count one bad line, as they would with JSON.
 */
export const ownComment: OwnLine = (level, message, dropped) =>
  `# ${new Date().toISOString()} ${level} ${dropped === undefined ? '' : `${dropped} `}${message}`

export const SLOW_READER = 'the reader of the log is too slow'
export const NO_READER = 'the reader of the log is gone'

/** Why a log file does not take what is written to it. */
export function whyRefused(code: string | undefined): string {
  if (code === 'ENOSPC') return 'the disk was full'
  return code === 'EDQUOT' ? 'the quota of the disk was used up' : `the file cannot be written: ${code}`
}

/** The lines that one log has lost: counted until the log takes lines again and says so itself. */
export class LostLines {
  readonly #file: string | undefined
  #lines = 0
  #why = SLOW_READER
  /** The piece that tells of them, until it is written. */
  #report: { piece: Buffer; readonly lines: number } | undefined

  constructor(file: string | undefined) {
    this.#file = file
    // So that the count is there, at 0, before anything is lost.
    if (file !== undefined) reports.at(-1)?.(file, 0, '')
  }

  lost(lines: number, why: string): void {
    this.#lines += lines
    this.#why = why
    reports.at(-1)?.(this.#file, lines, why)
  }

  /** A line that says how many were lost; undefined: none, or that line waits already. */
  told(own: OwnLine): Buffer | undefined {
    if (this.#lines === 0 || this.#report !== undefined) return undefined
    const piece = Buffer.from(`${own('warn', `log lines dropped: ${this.#why}`, this.#lines)}\n`)
    this.#report = { piece, lines: this.#lines }
    this.#lines = 0
    return piece
  }

  /** `piece` is written but for `rest`. */
  written(piece: Buffer, rest: Buffer | undefined): void {
    if (piece !== this.#report?.piece) return
    if (rest === undefined) this.#report = undefined
    else this.#report.piece = rest
  }

  /** None of `pieces` is written any more. */
  lostPieces(pieces: readonly Buffer[], why: string): void {
    let lines = 0
    for (const piece of pieces) {
      // What it told of was counted before.
      if (piece === this.#report?.piece) this.#lines += this.#report.lines
      else lines += linesIn(piece)
    }
    this.#report = undefined
    this.lost(lines, why)
  }
}
