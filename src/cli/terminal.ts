/** Where a command writes to, as far as its form depends on it. */
export interface Terminal {
  write(text: string): void
  readonly isTty: boolean
  readonly color: boolean
  /** Infinity when nobody looks at it in a window: then nothing is cut. */
  readonly columns: number
  readonly rows: number
}

/** https://no-color.org: set to anything but the empty string. */
export function wantsColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}

/** Standard output. Sizes are asked anew each time, since a window is resized. */
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
