import type { HeaderBlock } from '../message/header-block.ts'

/** The head of a request as it goes to a backend; stages may change `headers`, which hold no framing. */
export interface ForwardHead {
  readonly method: string
  /** Path and query to ask for. */
  readonly target: string
  /** The host that goes on, as the request named it in its target or its Host field. */
  readonly host: string
  readonly headers: HeaderBlock
}
