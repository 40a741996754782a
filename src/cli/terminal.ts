/** Where a command writes to, with what its form depends on. */
export interface Terminal {
  write(text: string): void
  readonly isTty: boolean
  readonly color: boolean
  /** Infinity when it is not a terminal: then nothing is cut. */
  readonly columns: number
  readonly rows: number
}

/** https://no-color.org: set to anything but the empty string. */
export function wantsColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}

/** Standard output. Sizes are read each time, since a window may be resized. */
export const stdoutTerminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  get isTty() {
    return process.stdout.isTTY === true
  },
  get color() {
    return wantsColor(process.stdout)
  },
  get columns() {
    return process.stdout.columns || Infinity
  },
  get rows() {
    return process.stdout.rows || Infinity
  }
}
