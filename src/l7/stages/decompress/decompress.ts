import type { Exchange } from '../../exchange/exchange.ts'
import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Coding } from '../compress/accept-encoding.ts'
import { supported } from '../compress/encoders.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import type { Wait } from '../../exchange/wait.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, WAITS, type Verdict } from '../verdict.ts'
import { BodyDecoder } from './body-decoder.ts'
import { DecoderRoom } from './decoder-room.ts'
import type { DecompressKeys } from './keys.ts'

const CODINGS: readonly Coding[] = (['gzip', 'deflate', 'br', 'zstd'] as const).filter(supported)

/** Digests of the bytes as the client sent them. */
const OF_ENCODED = ['content-encoding', 'content-digest', 'content-md5'] as const

/** How long a request waits for memory; a slow body gives up its place after a part of it. */
const WAIT_MS = 10_000
const LOOK_MS = 250

/** Of this thread. */
const room = new DecoderRoom()

/** Decodes request bodies for backends that cannot, or for rules that read them. */
class Decompress implements Stage {
  readonly name = 'decompress'
  readonly #keys: DecompressKeys
  readonly #decoded: Counter
  readonly #refused: Counter
  readonly #slow: Counter
  readonly #noRoom: Counter
  readonly #engine: EngineContext

  constructor(keys: DecompressKeys, { engine, listener, route }: StageContext) {
    this.#keys = keys
    const labels = { listener: listener.name, route: route?.name ?? '' }
    const count = (result: string): Counter =>
      engine.metrics.counter('lb_decompressed_requests_total', { ...labels, result })
    this.#engine = engine
    this.#decoded = count('decoded')
    this.#refused = count('too-large')
    this.#slow = count('slow')
    this.#noRoom = count('no-memory')
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
    if (exchange.dry || room.makeRoom(this.#engine.clock.now())) return this.#decode(exchange, coding)
    return this.#await(exchange, coding)
  }

  #decode(exchange: Exchange, coding: Coding): Verdict {
    for (const name of OF_ENCODED) exchange.setRequestField(name, undefined)
    exchange.changeRequestBody(
      (output) =>
        new BodyDecoder({
          coding,
          limits: this.#keys,
          owner: exchange,
          output,
          room,
          now: () => this.#engine.clock.now(),
          decoded: () => this.#decoded.add(),
          refuse: (reason) => {
            this.#refused.add()
            exchange.fail('LB_BODY_TOO_LARGE', `decompress: ${reason}`)
          },
          giveUp: (blocked) => {
            if (blocked) return void this.#refuse(exchange)
            this.#slow.add()
            exchange.fail('LB_REQUEST_TIMEOUT', 'decompress: it came slowly, and others need its memory')
          }
        })
    )
    return GO_ON
  }

  #await(exchange: Exchange, coding: Coding): Verdict {
    const wait = exchange.wait(WAIT_MS, () => this.#refuse(exchange))
    const enter = (): void => wait.resume(() => this.#decode(exchange, coding))
    if (!room.wait(enter)) {
      wait.resume(() => this.#refuse(exchange))
      return WAITS
    }
    wait.onCancel = () => room.forget(enter)
    this.#look(wait)
    return WAITS
  }

  #look(wait: Wait): void {
    const { clock } = this.#engine
    clock.after(LOOK_MS, () => {
      if (wait.over) return
      room.look(clock.now())
      this.#look(wait)
    })
  }

  #refuse(exchange: Exchange): Verdict {
    this.#noRoom.add()
    const reason = 'decompress: the memory for decoders is used up'
    exchange.refuse({ code: 'LB_CONCURRENCY', reason, fields: 'Retry-After: 1\r\n' })
    return ANSWERED
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
