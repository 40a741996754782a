/**
 * Finds the ends of HTTP/1.1 responses in a stream of bytes: as much parser as a load generator needs (Content-Length,
 * chunked, no body), because a client library would cost more than the proxy that is measured.
 */
export class ResponseCounter {
  /** Status of the response being read, or of the last one. */
  status = 0
  /** The server will close the connection after this response. */
  closing = false
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailers' = 'head'
  #text = ''
  #left = 0

  /** How many responses these bytes complete. Throws on what is not HTTP. */
  push(chunk: Buffer): number {
    this.#text += chunk.toString('latin1')
    let completed = 0
    for (let outcome = this.#step(); outcome !== 'wait'; outcome = this.#step()) {
      if (outcome === 'done') {
        completed++
        this.#state = 'head'
      }
    }
    return completed
  }

  #step(): 'wait' | 'on' | 'done' {
    if (this.#text === '') return 'wait'
    switch (this.#state) {
      case 'head':
        return this.#head()
      case 'body':
        return this.#skip() ? 'done' : 'wait'
      case 'chunk':
        if (!this.#skip()) return 'wait'
        this.#state = 'chunk-size'
        return 'on'
      case 'chunk-size': {
        const line = this.#line()
        if (line === undefined) return 'wait'
        const size = Number.parseInt(line, 16)
        if (Number.isNaN(size)) throw new Error(`bad chunk size: ${line.slice(0, 40)}`)
        this.#left = size + 2
        this.#state = size === 0 ? 'trailers' : 'chunk'
        return 'on'
      }
      case 'trailers': {
        const line = this.#line()
        if (line === undefined) return 'wait'
        return line === '' ? 'done' : 'on'
      }
    }
  }

  #head(): 'wait' | 'on' | 'done' {
    const end = this.#text.indexOf('\r\n\r\n')
    if (end < 0) return 'wait'
    const head = this.#text.slice(0, end + 2)
    this.#text = this.#text.slice(end + 4)
    const match = /^HTTP\/1\.[01] (\d{3})/.exec(head)
    if (match === null) throw new Error(`not a response: ${head.slice(0, 40)}`)
    this.status = Number(match[1])
    this.closing = /\r\nconnection: *close/i.test(head)
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.#state = 'chunk-size'
      return 'on'
    }
    this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#left === 0) return 'done'
    this.#state = 'body'
    return 'on'
  }

  #skip(): boolean {
    const taken = Math.min(this.#left, this.#text.length)
    this.#text = this.#text.slice(taken)
    this.#left -= taken
    return this.#left === 0
  }

  #line(): string | undefined {
    const end = this.#text.indexOf('\r\n')
    if (end < 0) return undefined
    const line = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + 2)
    return line
  }
}
