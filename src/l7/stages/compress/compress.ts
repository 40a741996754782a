import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import type { StoredForms } from '../../cache/forms/stored-forms.ts'
import { NO_BODY, UNKNOWN_LENGTH } from '../../message/body-length.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import { CodingChoice, type Coding } from './accept-encoding.ts'
import { dictionariesWork } from './dictionary/dcz.ts'
import { Dictionaries } from './dictionary/dictionaries.ts'
import { mayUseDictionary } from './dictionary/eligible.ts'
import { addVary, markEncoded, weakenTag } from './encoded-fields.ts'
import { compressInto, compressStream, compressWhole } from './encoders.ts'
import { flushKind, levelOf, supported, WHOLE_BYTES, type Levels } from './encoders.ts'
import { explainCompress } from './explain-compress.ts'
import type { CompressKeys } from './keys.ts'
import { isEventStream, MediaTypes } from './media-types.ts'
import { StreamEncoder } from './stream-encoder.ts'
import { WholeEncoder } from './whole-encoder.ts'

/** Compresses bodies for clients that accept it; a cached body is compressed once per coding. */
class Compress implements Stage {
  readonly name = 'compress'
  /** Present in a dry run only. */
  readonly request?: () => Verdict
  readonly explain?: (exchange: DryExchange) => Explanation
  readonly #choice: CodingChoice
  readonly #types: MediaTypes
  readonly #minBytes: number
  readonly #levels: Levels
  /** Names of stored forms: equal settings have equal names on all routes. */
  readonly #forms: ReadonlyMap<Coding, string>
  readonly #dictionaries: Dictionaries | undefined
  readonly #withDictionary: CodingChoice<Coding | 'dcz'>
  readonly #counters = new Map<string, Counter>()
  readonly #counterOf: (coding: string) => Counter

  constructor(keys: CompressKeys, { engine, listener, route, cache }: StageContext) {
    const codings = keys.algorithms.filter(supported)
    this.#choice = new CodingChoice(codings)
    this.#types = new MediaTypes(keys.types)
    this.#minBytes = keys.minBytes
    this.#levels = keys.levels
    this.#forms = new Map(codings.map((coding) => [coding, `${coding}-${levelOf(coding, keys.levels)}`]))
    this.#withDictionary = new CodingChoice<Coding | 'dcz'>(['dcz', ...codings])
    const labels = { listener: listener.name, route: route?.name ?? '' }
    this.#counterOf = (coding) =>
      engine.metrics.counter('lb_compressed_responses_total', { ...labels, coding })
    if (engine.dry === true) {
      this.request = () => GO_ON
      this.explain = (exchange) => explainCompress(keys, exchange)
    }
    this.#dictionaries = makeDictionaries(keys, labels, engine, cache)
  }

  response(exchange: Exchange, head: ResponseHead): void {
    const { status, headers } = head
    const coding = this.#choice.of(exchange.request.headers.get('accept-encoding'))
    if (status === 304) return this.#notModified(exchange, head, coding)
    if (!hasContent(status)) return
    const stored = head.mayTransform ? undefined : head.stored
    if (status === 200 && this.#dictionaries !== undefined && this.#sendDifference(exchange, head)) return
    if (stored !== undefined && coding !== undefined && this.#sendForm(exchange, head, stored, coding)) return
    if (!this.#mayVary(head) || this.#isShort(head)) return
    this.#addVary(headers)
    if (coding === undefined || !this.#compressible(head) || secretAcrossSites(exchange)) return
    const whole = head.mayTransform ? undefined : head.whole
    const isShort = whole !== undefined && whole.length <= WHOLE_BYTES
    if (head.asItIs && !isShort) return
    markEncoded(headers, coding)
    if (head.length === NO_BODY || exchange.request.method === 'HEAD') {
      head.length = NO_BODY
      return
    }
    this.#count(coding)
    if (isShort) {
      const bytes = compressWhole(coding, whole, this.#levels)
      stored?.put(this.#forms.get(coding)!, bytes)
      head.substitute(bytes)
      return
    }
    head.coding = coding
    head.identityLength = head.length
    head.length = UNKNOWN_LENGTH
  }

  body(exchange: Exchange, head: ResponseHead, output: BodyOutput): BodyTransform | undefined {
    const coding = head.coding as Coding | undefined
    if (coding === undefined) return undefined
    const { identityLength } = head
    const stored = head.mayTransform ? undefined : head.stored
    const levels = this.#levels
    const events = isEventStream(head.headers.first('content-type') ?? '')
    const { clock } = exchange.context
    const stream = (): StreamEncoder =>
      new StreamEncoder({
        compressor: compressStream(coding, levels, identityLength, events),
        flushKind: flushKind(coding),
        events,
        clock,
        owner: exchange,
        output,
        copy: stored?.begin(this.#forms.get(coding)!, undefined)
      })
    if (events || stored !== undefined || identityLength > WHOLE_BYTES) return stream()
    // Trailers need chunked coding.
    head.held = !head.headers.has('trailer')
    return new WholeEncoder({
      length: identityLength,
      most: WHOLE_BYTES,
      compress: (bytes, take) => compressInto(coding, bytes, levels, take),
      stream,
      clock,
      owner: exchange,
      output
    })
  }

  /** True: the response is sent, since this body has been encoded before. */
  #sendForm(exchange: Exchange, head: ResponseHead, stored: StoredForms, coding: Coding): boolean {
    const form = this.#forms.get(coding)!
    const record = stored.lookup(form)
    if (record === undefined) return false
    if (secretAcrossSites(exchange)) {
      record.release()
      return false
    }
    const { headers } = head
    const fields = stored.fields(form)
    if (fields.before !== headers.text) {
      fields.before = headers.text
      this.#addVary(headers)
      markEncoded(headers, coding)
      fields.after = headers.text
    } else headers.text = fields.after
    head.substituteForm(record)
    this.#count(coding)
    return true
  }

  /** True: the response is sent as the difference to the client's dictionary. */
  #sendDifference(exchange: Exchange, head: ResponseHead): boolean {
    const dictionaries = this.#dictionaries!
    const { stored } = head
    if (head.mayTransform || !mayUseDictionary(exchange) || !this.#mayVary(head)) return false
    dictionaries.offer(exchange, head)
    if (stored === undefined) return false
    const accept = exchange.request.headers.get('accept-encoding')
    // `*` does not include codings that need a dictionary of the client.
    if (accept === undefined || !/\bdcz\b/i.test(accept)) return false
    if (this.#withDictionary.of(accept) !== 'dcz' || secretAcrossSites(exchange)) return false
    const encoded = dictionaries.encoded(exchange, head, stored)
    if (encoded === undefined) return false
    this.#addVary(head.headers)
    markEncoded(head.headers, 'dcz')
    if (Buffer.isBuffer(encoded)) head.substitute(encoded)
    else head.substituteForm(encoded)
    this.#count('dcz')
    return true
  }

  #addVary(headers: HeaderBlock): void {
    addVary(headers, 'Accept-Encoding')
    if (this.#dictionaries !== undefined) addVary(headers, 'Available-Dictionary')
  }

  /** Whether responses of this URL may be compressed, so that caches must keep the codings apart by Vary. */
  #mayVary({ headers }: ResponseHead): boolean {
    const type = headers.first('content-type')
    if (type === undefined || !this.#types.has(type) || headers.has('content-encoding')) return false
    return mayTransform(headers.get('cache-control'))
  }

  /** Too short: it is sent unencoded whatever the client accepts. The length of a part says nothing about the whole. */
  #isShort({ status, headers, length }: ResponseHead): boolean {
    return length >= 0 && length < this.#minBytes && status !== 206 && !headers.has('content-range')
  }

  /** Whether this response may be compressed. */
  #compressible({ status, headers }: ResponseHead): boolean {
    return status !== 206 && !headers.has('content-range')
  }

  /** A 304 has the Vary of the 200 (RFC 9110 §15.4.5), and the weak tag that the client's encoded copy has. */
  #notModified(exchange: Exchange, head: ResponseHead, coding: Coding | undefined): void {
    const { headers } = head
    const type = headers.first('content-type')
    if (type !== undefined ? !this.#mayVary(head) : !mayTransform(headers.get('cache-control'))) return
    this.#addVary(headers)
    if (head.stored !== undefined) this.#dictionaries?.keep(head.stored)
    const tag = headers.first('etag')
    if (coding === undefined || tag === undefined || tag.startsWith('W/')) return
    if (exchange.request.headers.get('if-none-match')?.includes(`W/${tag}`) === true) weakenTag(headers)
  }

  #count(coding: string): void {
    let counter = this.#counters.get(coding)
    if (counter === undefined) this.#counters.set(coding, (counter = this.#counterOf(coding)))
    counter.add()
  }
}

/** Excludes responses without a body, or whose body is not a representation. */
function hasContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 205 && status !== 226
}

function mayTransform(control: string | undefined): boolean {
  return control === undefined || !/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(control)
}

/**
 * A page of another site can make a browser send requests with the user's cookie, and guess at secrets in the response
 * by its length (BREACH): those responses are not compressed.
 */
function secretAcrossSites({ request }: Exchange): boolean {
  const site = request.headers.first('sec-fetch-site')
  if (site !== 'cross-site') return false
  return request.headers.has('cookie') || request.headers.has('authorization')
}

function makeDictionaries(
  { dictionary, levels }: CompressKeys,
  labels: { listener: string; route: string },
  { dry, log, metrics }: EngineContext,
  cache: object | undefined
): Dictionaries | undefined {
  if (!dictionary || cache === undefined || dry) return undefined
  if (dictionariesWork())
    return new Dictionaries(levels.zstd, metrics.counter('lb_dictionaries_offered_total', labels))
  log.warn(labels, 'compress.dictionary is off: this Node has no dictionaries for zstd (24.6 and 22.19 have)')
  return undefined
}

export function compile(keys: CompressKeys, context: StageContext): Stage {
  return new Compress(keys, context)
}
