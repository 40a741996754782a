import type { TlsFacts } from '../../net/tls/tls-facts.ts'
import type { Asked } from '../headers/client-scheme.ts'

/** What routes are compared with. One object may be filled anew for each request. */
export interface MatchInput {
  /** As `hostName` gives it: lower case, without port and root dot; '' for a request without a host (HTTP/1.0). */
  readonly host: string
  /** As `normalisePath` gives it; `*` for the asterisk form. */
  readonly path: string
  /** Raw, without the question mark. */
  readonly query: string | undefined
  readonly method: string
  readonly headers: HeaderReader
  readonly clientIp: string
  /** Bytes, or UNKNOWN_LENGTH; 0 without a body. */
  readonly bodyLength: number
  /** For who asks how the client itself speaks. */
  readonly asked?: Asked
  /** The client's connection, for who asks for its certificate. */
  readonly client?: { readonly tls: TlsFacts | undefined }
}

export interface HeaderReader {
  /** Value of a field by lower-case name, duplicates joined with ", "; undefined when it is absent. */
  getJoined(name: string): string | undefined
}
