import type { Exchange } from '../../exchange/exchange.ts'
import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Coding } from '../compress/accept-encoding.ts'
import { supported } from '../compress/encoders.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'
import { BodyDecoder } from './body-decoder.ts'
import type { DecompressKeys } from './keys.ts'

const CODINGS: readonly Coding[] = (['gzip', 'deflate', 'br', 'zstd'] as const).filter(supported)

/** Digests of the bytes as the client sent them. */
const OF_ENCODED = ['content-encoding', 'content-digest', 'content-md5'] as const

/** Decodes request bodies for backends that cannot, or for rules that read them. */
class Decompress implements Stage {
  readonly name = 'decompress'
  readonly #keys: DecompressKeys
  readonly #decoded: Counter
  readonly #refused: Counter

  constructor(keys: DecompressKeys, { engine, listener, route }: StageContext) {
    this.#keys = keys
    const labels = { listener: listener.name, route: route?.name ?? '' }
    this.#decoded = engine.metrics.counter('lb_decompressed_requests_total', { ...labels, result: 'decoded' })
    this.#refused = engine.metrics.counter('lb_decompressed_requests_total', {
      ...labels,
      result: 'too-large'
    })
  }

  request(exchange: Exchange): Verdict {
    const { headers, bodyLength } = exchange.request
    const named = headers.get('content-encoding')
    if (named === undefined || bodyLength === 0) return GO_ON
    const coding = codingOf(named)
    if (coding === 'identity') {
      exchange.setRequestField('content-encoding', undefined)
      return GO_ON
    }
    if (coding === undefined) {
      // RFC 9110 §15.5.16: names the codings that are accepted.
      exchange.addResponseLines(`Accept-Encoding: ${CODINGS.join(', ')}\r\n`)
      exchange.fail('LB_MEDIA_TYPE', 'decompress: a Content-Encoding that is not known, or several')
      return ANSWERED
    }
    for (const name of OF_ENCODED) exchange.setRequestField(name, undefined)
    exchange.changeRequestBody(
      (output) =>
        new BodyDecoder({
          coding,
          limits: this.#keys,
          owner: exchange,
          output,
          decoded: () => this.#decoded.add(),
          refuse: (reason) => {
            this.#refused.add()
            exchange.fail('LB_BODY_TOO_LARGE', `decompress: ${reason}`)
          }
        })
    )
    return GO_ON
  }

  explain(exchange: Exchange): { verdict: Verdict; notes?: string[] } {
    const verdict = this.request(exchange)
    const { maxBytes, ratio } = this.#keys
    if (!exchange.bodyChanges || verdict !== GO_ON) return { verdict }
    return {
      verdict,
      notes: [`the body is decoded: at most ${maxBytes} bytes, at most ${ratio} times its length`]
    }
  }
}

/** Undefined: unknown, or more than one coding. */
function codingOf(named: string): Coding | 'identity' | undefined {
  const name = named.trim().toLowerCase()
  const coding = name === 'x-gzip' ? 'gzip' : name
  return coding === 'identity' ? coding : CODINGS.find((each) => each === coding)
}

export function compile(keys: DecompressKeys, context: StageContext): Stage {
  return new Decompress(keys, context)
}
