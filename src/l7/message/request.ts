import type { BodyLength } from './body-length.ts'
import { HeaderBlock } from './header-block.ts'

/** The head of a request, whatever version brought it. Fields that concern one hop only are not in `headers`. */
export interface Request {
  readonly method: string
  /** The request-target as received. */
  readonly target: string
  /** Of the message, as Via tells it. */
  readonly version: '1.0' | '1.1' | '2.0'
  /** Host or :authority as received; '' when an HTTP/1.0 client sent none. */
  readonly host: string
  readonly headers: HeaderBlock
  /** 0 without a body. */
  readonly bodyLength: BodyLength
  /** The client asked that the connection live on, or did not say otherwise. */
  readonly keepAlive: boolean
  /** Protocol that the client wants to change to ('websocket'), '' for none. */
  readonly upgrade: string
  /** Expect: 100-continue. */
  readonly expectContinue: boolean
  /** TE: trailers. */
  readonly acceptsTrailers: boolean
  /** Names in Connection other than the usual ones, ", "-separated; '' for none. */
  readonly connectionNames: string
  /** SEEN_ bits: which fields of interest stand in `headers`. */
  readonly seen: number
}

/** In place of what could not be read as a request, so that its answer leaves by the same way as all others. */
export const UNREADABLE: Request = {
  method: '',
  target: '',
  version: '1.1',
  host: '',
  headers: new HeaderBlock(''),
  bodyLength: 0,
  keepAlive: false,
  upgrade: '',
  expectContinue: false,
  acceptsTrailers: false,
  connectionNames: '',
  seen: 0
}
