import type { Terminal } from '../terminal.ts'

const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'

/**
 * Redraws lines in place, in the terminal's alternate screen, so that the previous content comes back. On anything but
 * a terminal, frames follow each other with an empty line between.
 */
export class Screen {
  readonly #terminal: Terminal
  #shown = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(lines: readonly string[]): void {
    const terminal = this.#terminal
    if (!terminal.isTty) {
      terminal.write(`${this.#shown ? '\n' : ''}${lines.join('\n')}\n`)
      this.#shown = true
      return
    }
    const visible = fitRows(lines, terminal.rows)
    // Each line is overwritten and its rest erased, in one write: erasing first would flicker.
    const frame = visible.map((line) => `${line}\x1b[K`).join('\r\n')
    terminal.write(`${this.#shown ? '' : ENTER}\x1b[H${frame}\x1b[J`)
    this.#shown = true
  }

  /** Leaves the alternate screen and prints the last frame. */
  close(lines: readonly string[]): void {
    if (!this.#shown || !this.#terminal.isTty) return
    this.#terminal.write(`${LEAVE}${lines.join('\n')}\n`)
  }
}

/** The last row says how many lines do not fit. */
function fitRows(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines
  const kept = Math.max(0, rows - 1)
  return [...lines.slice(0, kept), `… ${lines.length - kept} more lines; name a pool to see less`]
}
