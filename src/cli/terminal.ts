import { wantsColor } from '../core/log/pretty-stream.ts'

/** Where a command writes to, with what its form depends on. */
export interface Terminal {
  write(text: string): void
  readonly isTty: boolean
  readonly color: boolean
  /** Infinity when it is not a terminal: then nothing is cut. */
  readonly columns: number
  readonly rows: number
}

/** Standard output. Sizes are read each time, since a window may be resized. */
export const stdoutTerminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  get isTty() {
    return process.stdout.isTTY === true
  },
  get color() {
    return wantsColor(process.stdout.isTTY === true)
  },
  get columns() {
    return process.stdout.columns || Infinity
  },
  get rows() {
    return process.stdout.rows || Infinity
  }
}
