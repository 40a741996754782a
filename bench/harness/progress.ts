/** One line that is redrawn on a terminal; plain lines elsewhere, and only those that stay. */
export class Progress {
  readonly #stream = process.stderr
  #shown = false

  /** Replaced by whatever comes next. */
  now(text: string): void {
    if (this.#stream.isTTY !== true) return
    this.#stream.write(`\r\x1b[2K${text.slice(0, (this.#stream.columns ?? 80) - 1)}`)
    this.#shown = true
  }

  /** Stays. */
  say(text: string): void {
    if (this.#shown) this.#stream.write('\r\x1b[2K')
    this.#shown = false
    this.#stream.write(`${text}\n`)
  }
}
