/** What a probing client sends on one connection, step by step, and what it may see. */
export interface Probe {
  readonly name: string
  /** Each is sent when what came before it has been answered, while the connection is open. */
  readonly sends: readonly string[]
  /** The statuses of the answers, in order; less than all where the connection may end before. */
  readonly answers: readonly (readonly number[])[]
  /** The connection is closed behind the last answer. */
  readonly closes?: boolean
  /** The body of the last answer. */
  readonly echoes?: string
  /** A field that the last answer must (or, with `!`, must not) have. */
  readonly field?: string
}

export const HOST = 'Host: localhost:8080'

/** The start of a message: request line and Host. */
export const start = (line: string): string => `${line}\r\n${HOST}\r\n`
export const get = start('GET / HTTP/1.1')
export const post = start('POST / HTTP/1.1')
export const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`

export const only = (
  name: string,
  bytes: string,
  statuses: readonly number[],
  more: Partial<Probe> = {}
): Probe => ({
  name,
  sends: [bytes],
  answers: [statuses],
  ...more
})
/** A public suite wants this refused; the connection ends too, because nobody knows where the next message starts. */
export const refused = (name: string, bytes: string, statuses: readonly number[] = [400]): Probe =>
  only(name, bytes, statuses, { closes: true })
export const served = (name: string, bytes: string, more: Partial<Probe> = {}): Probe =>
  only(name, bytes, [200], more)
