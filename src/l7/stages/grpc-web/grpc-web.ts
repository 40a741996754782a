import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ForwardHead } from '../../exchange/forward-head.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { answerInGrpc } from '../grpc/answer-in-grpc.ts'
import type { Stage } from '../stage.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import { Base64Decoder, base64Output } from './base64-body.ts'
import { TrailerFrame } from './trailer-frame.ts'

const TEXT = 'application/grpc-web-text'
const WEB = /^application\/grpc-web(-text)?(?=$|[+; ])/i

/**
 * Translates gRPC-Web (the PROTOCOL-WEB document of gRPC): messages are the same, the media type differs, and the
 * trailers are the last frame of the body, since browsers do not show trailers to scripts.
 */
const grpcWeb: Stage = {
  name: 'grpc-web',
  neededByErrors: true,

  request(exchange: Exchange): Verdict {
    if (isText(webType(exchange))) exchange.changeRequestBody((output) => new Base64Decoder(output))
    return GO_ON
  },

  forward(exchange: Exchange, head: ForwardHead): void {
    const type = webType(exchange)
    if (type !== undefined) head.headers.set('Content-Type', type.replace(WEB, 'application/grpc'))
  },

  response(exchange: Exchange, head: ResponseHead): void {
    const type = webType(exchange)
    if (type === undefined) return
    if (head.source === 'error') return answerInGrpc(exchange, head, type)
    const answered = head.headers.first('content-type')
    if (answered?.startsWith('application/grpc') !== true) return
    head.headers.set(
      'Content-Type',
      answered.replace(/^application\/grpc/, isText(type) ? TEXT : 'application/grpc-web')
    )
  },

  body(exchange: Exchange, head: ResponseHead, output: BodyOutput): BodyTransform | undefined {
    // A response of trailers only has everything in its head.
    const type = webType(exchange)
    if (type === undefined || head.headers.has('grpc-status')) return undefined
    head.length = UNKNOWN_LENGTH
    return new TrailerFrame(isText(type) ? base64Output(output) : output)
  }
}

function typeOf({ request }: Exchange): string | undefined {
  return request.method === 'POST' ? request.headers.first('content-type') : undefined
}

/** The request's media type, if it is to be translated. */
function webType(exchange: Exchange): string | undefined {
  const type = typeOf(exchange)
  return type !== undefined && WEB.test(type) ? type : undefined
}

/** The base64 variant, for browsers that cannot read bytes while they arrive. */
function isText(type: string | undefined): boolean {
  return type !== undefined && WEB.exec(type)?.[1] !== undefined
}

export function compile(on: boolean): Stage | undefined {
  return on ? grpcWeb : undefined
}
