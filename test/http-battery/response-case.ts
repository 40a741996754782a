/** What a backend sends, and what the client must see of it. */
export interface ResponseCase {
  readonly name: string
  /** latin1; sent whole once the request has come. */
  readonly bytes: string
  /** The backend closes (or resets) the connection after the bytes. */
  readonly close?: boolean | 'reset'
  /** Of the request. */
  readonly method?: string
  readonly fields?: readonly string[]
  readonly expect: SeenByClient | 'cut'
}

/** `cut` instead: the message must not look whole to the client; a 502 if its head had not gone. */
export interface SeenByClient {
  readonly status: number
  readonly body?: string
  readonly has?: readonly string[]
  /** In lower case. */
  readonly hasNot?: readonly string[]
  /** Statuses of the 1xx before it. */
  readonly interim?: readonly number[]
}
