import type { HeaderBlock } from './header-block.ts'

/** Body framing of a response where no number of bytes is known. */
export const UNTIL_END = -1

/** The head of a response from a backend, the cache or `lb` itself. Fields of one hop only are not in `headers`. */
export interface Response {
  /** 100 to 999. */
  readonly status: number
  /** As received, may be ''. */
  readonly reason: string
  readonly headers: HeaderBlock
  /** Bytes, or UNTIL_END; meaningless when the status or the method allow no body. */
  readonly bodyLength: number
  /** SEEN_ bits. */
  readonly seen: number
}
