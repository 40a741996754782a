import type { BodyLength } from './body-length.ts'
import type { HeaderBlock } from './header-block.ts'

/** The head of a response from a backend, the cache or `lb` itself. Fields of one hop only are not in `headers`. */
export interface Response {
  /** 100 to 999. */
  readonly status: number
  /** As received, may be ''. */
  readonly reason: string
  readonly headers: HeaderBlock
  /** Meaningless when the status or the method allow no body. */
  readonly bodyLength: BodyLength
  /** The protocol that a 101 switches to, else ''. */
  readonly upgrade: string
  /** SEEN_ bits. */
  readonly seen: number
}
