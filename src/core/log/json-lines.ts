import { isoTime } from './iso-time.ts'
import { asciiJson } from './json-text.ts'
import type { LineBytes } from './line-bytes.ts'

/** Where lines are written as bytes, each begun and ended before the next. */
export interface BytesSink {
  beginLine(): LineBytes
  endLine(line: LineBytes): void
}

/** For lines of JSON that are written once per request. `begin`, then the fields, then `end`. */
export class JsonLines {
  readonly #sink: BytesSink
  /** Fields of every line, each with its comma before it. */
  readonly #always: string
  /** Whether lines of this level are written. */
  readonly shows: (level: string) => boolean
  readonly #heads = new Map<string, string>()

  constructor(sink: BytesSink, always: object = {}, shows: (level: string) => boolean = () => true) {
    this.#sink = sink
    this.shows = shows
    const inner = asciiJson(JSON.stringify(always)).slice(1, -1)
    this.#always = inner === '' ? '' : `,${inner}`
  }

  /** Each field that follows begins with its comma, and is ASCII. */
  begin(level: string, wallMs: number): LineBytes {
    let head = this.#heads.get(level)
    if (head === undefined) this.#heads.set(level, (head = `{"level":"${level}","time":"`))
    return this.#sink.beginLine().text(head).text(isoTime(wallMs)).text('"').text(this.#always)
  }

  end(line: LineBytes, message: string): void {
    line.text(',"msg":').json(message).text('}\n')
    this.#sink.endLine(line)
  }
}
