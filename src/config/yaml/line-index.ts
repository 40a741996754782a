/** Offsets of a text as lines and columns, both from 1; columns count UTF-16 units as editors do. */
export class LineIndex {
  readonly #text: string
  readonly #starts: number[] = [0]

  constructor(text: string) {
    this.#text = text
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1)
  }

  locate(offset: number): { line: number; column: number; source: string } {
    const clamped = Math.min(Math.max(0, offset), this.#text.length)
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= clamped) low = middle
      else high = middle - 1
    }
    const start = this.#starts[low]!
    const end = this.#starts[low + 1] ?? this.#text.length + 1
    // Not with a regular expression: a minified file is one line of megabytes, and each problem in it asks again.
    const carriageReturn = this.#text[end - 2] === '\r' ? 1 : 0
    const source = this.#text.slice(start, Math.max(start, end - 1 - carriageReturn))
    return { line: low + 1, column: clamped - start + 1, source }
  }
}
