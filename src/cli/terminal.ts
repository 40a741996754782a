/** Where a command writes to, as far as its form depends on it. */
export interface Terminal {
  write(text: string): void
  readonly isTty: boolean
  readonly color: boolean
  /** Infinity when nobody looks at it in a window: then nothing is cut. */
  readonly columns: number
  readonly rows: number
}

/** Standard output. Sizes are asked anew each time, since a window is resized. */
export const stdoutTerminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  get isTty() {
    return process.stdout.isTTY === true
  },
  get color() {
    // https://no-color.org: set to anything but the empty string.
    return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  },
  get columns() {
    return process.stdout.columns || Infinity
  },
  get rows() {
    return process.stdout.rows || Infinity
  }
}
