/** One message, or several on one connection, and what must become of it. */
export interface RequestCase {
  readonly name: string
  /** latin1. */
  readonly bytes: string
  readonly expect: Refused | Forwarded
}

/** Answered by the proxy: the origin sees nothing of it, and the connection is closed after the answer. */
export interface Refused {
  readonly status: number | readonly number[]
  /** Requests before the bad one that are forwarded and answered first. */
  readonly after?: number
  /** False: the connection may go on, since what is refused is the request and not its framing. */
  readonly closes?: boolean
}

/** What the origin sees: each request in order. */
export interface Forwarded {
  readonly forwarded: readonly ForwardedRequest[]
  /** The connection is closed after the last answer (Connection: close, HTTP/1.0). */
  readonly closes?: boolean
}

export interface ForwardedRequest {
  /** `METHOD target`, or the target alone with GET. */
  readonly line: string
  readonly host?: string
  readonly body?: string
  /** Lines that stand among its fields, as `Name: value`; names are compared without case. */
  readonly has?: readonly string[]
  /** Names that do not, in lower case. */
  readonly hasNot?: readonly string[]
  readonly trailers?: readonly string[]
}

export const CRLF = '\r\n'

/** A request of a line, field lines and a body; `Host: a` is put before the fields. */
export function message(line: string, fields: readonly string[] = [], body = ''): string {
  return raw(line, ['Host: a', ...fields], body)
}

/** The same without a Host. */
export function raw(line: string, fields: readonly string[], body = ''): string {
  return `${line}${CRLF}${fields.map((field) => field + CRLF).join('')}${CRLF}${body}`
}

export function refused(name: string, bytes: string, status: number | readonly number[] = 400): RequestCase {
  return { name, bytes, expect: { status } }
}

export function forwarded(name: string, bytes: string, ...requests: ForwardedRequest[]): RequestCase {
  return { name, bytes, expect: { forwarded: requests } }
}
