import type { BodyOutput, BodyTransform } from '../exchange/body-chain.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { BodyRejected, rejection } from '../exchange/request-body.ts'
import { type BodyLength, UNKNOWN_LENGTH } from '../message/body-length.ts'
import { ExchangeWrites } from './exchange-writes.ts'
import type { PluginContext, PluginHooks, RequestBodyHead } from './plugin.ts'
import type { PluginWatch } from './plugin-watch.ts'
import { isPromise, unawaited } from './promised.ts'
import { WatchedOutput } from './watched-output.ts'
import { checkTransform, WatchedTransform } from './watched-transform.ts'

const HOOK = 'requestBody'
/** Digests of the bytes as they came (RFC 9530, RFC 3230, RFC 1864). */
const DIGESTS = ['content-digest', 'repr-digest', 'digest', 'content-md5'] as const

/** A plugin's `requestBody`: asked once for each request with a body, when the stages before it have passed it on. */
export class PluginRequestBody {
  readonly #hooks: PluginHooks<unknown>
  readonly #context: PluginContext<unknown>
  readonly #watch: PluginWatch

  constructor(hooks: PluginHooks<unknown>, context: PluginContext<unknown>, watch: PluginWatch) {
    this.#hooks = hooks
    this.#context = context
    this.#watch = watch
  }

  /** True when the body is changed. */
  apply(exchange: Exchange): boolean {
    const { bodyLength, upgrade } = exchange.request
    if (bodyLength === 0 || upgrade !== '') return false
    const began = performance.now()
    try {
      return this.#apply(exchange, exchange.forwardLength ?? bodyLength)
    } catch (error) {
      if (!(error instanceof BodyRejected)) throw this.#watch.failed(exchange, HOOK, error)
      exchange.fail('LB_BAD_REQUEST', rejection(error))
      return false
    } finally {
      this.#watch.took(exchange, HOOK, began)
    }
  }

  #apply(exchange: Exchange, length: BodyLength): boolean {
    const writes = new ExchangeWrites(exchange)
    const fields = exchange.requestFields?.length ?? 0
    const wait = exchange.lastWait
    const output = new RequestOutput()
    const head: RequestBodyHead = { length, coding: codingOf(exchange) }
    const made: unknown = this.#hooks.requestBody!(exchange, head, output, this.#context)
    if (isPromise(made)) throw unawaited(made)
    if (exchange.lastWait !== wait) {
      exchange.lastWait!.cancel()
      throw new Error('it has called exchange.wait, and only "request" may wait')
    }
    const transform = checkTransform(made)
    writes.check()
    checkLength(head.length, length, transform !== undefined)
    // It may have refused the request: then nobody would call the transform, nor tell it so.
    if (transform === undefined || exchange.headSent || exchange.ended) return false
    const set = exchange.requestFields?.slice(fields).map(([name]) => name.toLowerCase()) ?? []
    for (const name of DIGESTS) if (!set.includes(name)) exchange.setRequestField(name, undefined)
    exchange.changeRequestBody((next) => {
      output.opens(next)
      return new RequestTransform(transform, this.#watch, exchange, output)
    }, head.length)
    return true
  }
}

/** As the stages before have left it. */
function codingOf({ request, requestFields = [] }: Exchange): string | undefined {
  const set = requestFields.findLast(([name]) => name.toLowerCase() === 'content-encoding')
  return set === undefined ? request.headers.get('content-encoding') : set[1]
}

function checkLength(length: unknown, before: BodyLength, transforms: boolean): void {
  if (length === before) return
  if (!transforms)
    throw new TypeError(
      'it has set head.length and returned no transform, so the body stays as long as it was'
    )
  if (length !== UNKNOWN_LENGTH && !(Number.isSafeInteger(length) && (length as number) >= 0))
    throw new RangeError(`head.length must be a number of bytes or UNKNOWN_LENGTH, and is ${String(length)}`)
}

/** Bytes go out once the body has begun, not before: nobody would take them. */
class RequestOutput extends WatchedOutput {
  /** Written by the transform only. */
  begun = false

  /** The hook has returned its transform. */
  opens(output: BodyOutput): void {
    this.attach(output)
  }

  /** The client's body is not what the plugin can take: 400. */
  override fail(error: unknown): void {
    this.fault(new BodyRejected(error))
  }

  protected override check(): void {
    super.check()
    if (!this.begun) throw new Error('it writes before its body has begun, to which "write" and "end" belong')
  }
}

class RequestTransform extends WatchedTransform {
  readonly #output: RequestOutput
  readonly #exchange: Exchange

  constructor(own: BodyTransform, watch: PluginWatch, exchange: Exchange, output: RequestOutput) {
    super(own, watch, exchange, HOOK)
    this.#output = output
    this.#exchange = exchange
  }

  override write(buffer: Buffer, start: number, end: number): boolean {
    this.#output.begun = true
    return super.write(buffer, start, end)
  }

  override end(trailers: string): void {
    this.#output.begun = true
    super.end(trailers)
  }

  /** A fault of the plugin ends the exchange with 500; what it rejects is the client's. */
  override blamed(error: unknown): unknown {
    if (error instanceof BodyRejected) return error
    const fault = super.blamed(error)
    this.#exchange.guarded(() => {
      throw fault
    })
    return fault
  }
}
