import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { fieldOf, type Plan } from '../plan.ts'

/** What a client got for a plan. */
export interface Answer {
  readonly plan: Plan
  /** 0: the connection ended before it. */
  readonly status: number
  /** Status line and fields, as HTTP/1.1 writes them. */
  readonly head: string
  readonly body: Buffer
  /** All of it came. */
  readonly whole: boolean
  /** The end of the connection was the end of the body, which anything can bring about. */
  readonly byClose?: boolean
  readonly trailers?: string
  /** Nothing came for a minute. */
  readonly late?: true
}

export const decoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync
}

export function noAnswer(plan: Plan): Answer {
  return { plan, status: 0, head: '', body: Buffer.alloc(0), whole: false }
}

/** The answer with its body as the backend meant it. */
export function decoded(answer: Answer): Answer {
  return withoutTrailerFrame(turnedBack(plainOf(answer)))
}

/** Of plugins/turn.ts, which comes before compression. */
function turnedBack(answer: Answer): Answer {
  if (fieldOf(answer.head, 'x-turned') === undefined) return answer
  return { ...answer, body: answer.body.map((octet) => octet ^ 0x5a) as Buffer }
}

/** The last frame of a gRPC-Web body has the trailers. Frames of the body are not looked at: it is no messages. */
function withoutTrailerFrame(answer: Answer): Answer {
  const { plan, body, head, whole } = answer
  const web = fieldOf(head, 'content-type')?.startsWith('application/grpc-web') === true
  if (!plan.grpcWeb || !web || !whole || fieldOf(head, 'x-size') === undefined) return answer
  const at = Number(fieldOf(head, 'x-size'))
  if (body[at] !== 0x80 || body.length !== at + 5 + body.readUInt32BE(at + 1)) return answer
  return { ...answer, body: body.subarray(0, at), trailers: body.toString('latin1', at + 5) }
}

function plainOf(answer: Answer): Answer {
  const coding = fieldOf(answer.head, 'content-encoding')
  if (coding === undefined || !answer.whole || answer.body.length === 0) return answer
  if (answer.status === 206) throw new Error(`a part of an encoded body: ${answer.head}`)
  try {
    return { ...answer, body: decoders[coding]!(answer.body) }
  } catch (error) {
    throw new Error(
      `not ${coding}: ${answer.head} ${JSON.stringify(answer.plan)} ${answer.body.toString('latin1').slice(0, 300)}`,
      { cause: error }
    )
  }
}
