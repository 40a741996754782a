import type { Counter } from '../../core/metrics/metrics.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Target } from '../compile/l7-snapshot.ts'
import type { BodyOutput, BodyTransform } from '../exchange/body-chain.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { ForwardHead } from '../exchange/forward-head.ts'
import type { ResponseHead } from '../exchange/response/response-head.ts'
import type { BodyLength } from '../message/body-length.ts'
import type { Explanation } from '../stages/explanation.ts'
import type { Refusal } from '../stages/refusal.ts'
import type { Verdict } from '../stages/verdict.ts'

/** What a plugin reads of an exchange, and what it may write: `target`, `hashKey`, `forwardPath`, `query`, `identity`. */
export type PluginExchange = Pick<
  Exchange,
  | 'request'
  | 'client'
  | 'clientIp'
  | 'trusted'
  | 'scheme'
  | 'tls'
  | 'requestId'
  | 'startedAt'
  | 'host'
  | 'path'
  | 'query'
  | 'forwardPath'
  | 'route'
  | 'target'
  | 'hashKey'
  | 'identity'
  | 'cacheStatus'
  | 'backend'
  | 'retries'
  | 'bytesIn'
  | 'bytesOut'
  | 'status'
  | 'errorCode'
  | 'errorReason'
  | 'dry'
  | 'ended'
  | 'addLogField'
  | 'setRequestField'
  | 'note'
  | 'wait'
  | 'fail'
>

/** What a plugin is given besides the exchange: one object for each route that has it, per thread. */
export interface PluginContext<Keys> {
  /** What the configuration gives it here, as its `keys` read it. */
  readonly keys: Keys
  readonly listener: string
  /** Undefined for what no route takes, and for a plugin that is asked before the route is known. */
  readonly route: string | undefined
  /** 0 is the main thread, 1 … the workers. */
  readonly thread: number
  /** Lines with the plugin's name in them. */
  readonly log: Logger
  /** A pool, for `exchange.target`: a plugin behind `destination` chooses another by it. Throws where there is none. */
  pool(name: string): Target
  /** `lb_plugin_events_total{plugin, event}`; the events are a few fixed words, never what a client sends. */
  counter(event: string): Counter
  /** Answers with an error of lb's table, as guards do: counted, logged, in the client's words. */
  refuse(exchange: PluginExchange, refusal: Refusal): Verdict
}

/** Undefined goes on, as GO_ON does. A promise is waited for, at most for the plugin's `timeout`. */
export type PluginVerdict = Verdict | undefined | void | Promise<Verdict | undefined | void>

/** The body of a request, for the hook that changes it. */
export interface RequestBodyHead {
  /** Bytes that come, or UNKNOWN_LENGTH. The hook sets it to those that its transform puts out, which is held to it. */
  length: BodyLength
  /** Content-Encoding of the bytes that come: decoded by `decompress` they have none. */
  readonly coding: string | undefined
}

/** The hooks of a stage (stages/stage.ts); each is given its context besides. */
export interface PluginHooks<Keys> {
  request?(exchange: PluginExchange, context: PluginContext<Keys>): PluginVerdict
  /** Asked where `request` let a request with a body go on; returns what changes its bytes on their way to a backend. */
  requestBody?(
    exchange: PluginExchange,
    head: RequestBodyHead,
    output: BodyOutput,
    context: PluginContext<Keys>
  ): BodyTransform | undefined
  forward?(exchange: PluginExchange, head: ForwardHead, context: PluginContext<Keys>): void
  response?(exchange: PluginExchange, head: ResponseHead, context: PluginContext<Keys>): void
  body?(
    exchange: PluginExchange,
    head: ResponseHead,
    output: BodyOutput,
    context: PluginContext<Keys>
  ): BodyTransform | undefined
  done?(exchange: PluginExchange, durationMs: number, context: PluginContext<Keys>): void
  explain?(exchange: PluginExchange, context: PluginContext<Keys>): Explanation
  /** Request fields, lower case, that nobody but this plugin sets: what clients send under these names is dropped. */
  readonly owns?: readonly string[]
}

/** A schema made of the leaves that fourseven/plugin exports. */
export interface KeysSchema<Keys> {
  safeParse(value: unknown): unknown
  readonly _zod: { readonly output: Keys }
}

export interface Plugin<Keys = Record<string, never>> extends PluginHooks<Keys> {
  /** Its key under `plugins`, and what it is called in logs and metrics. */
  readonly name: string
  /** The stage, or the plugin listed earlier, that it stands before or after: one of the two. */
  readonly before?: string
  readonly after?: string
  /** One sentence for `lb schema`. */
  readonly words?: string
  /** With keys it is on where they are given; without, everywhere. */
  readonly keys?: KeysSchema<Keys>
  /** What takes longer than this at a stretch is counted, and named in the log; left out: 10ms. */
  readonly budget?: string
  /** How long a promise is waited for; then the exchange ends with 500. Left out: 5s. */
  readonly timeout?: string
  /** In place of the hooks: makes them once for each route, where something is to be prepared. */
  compile?(context: PluginContext<Keys>): PluginHooks<Keys> | undefined
}

/** Lets the compiler check a plugin where it is written; returns it as it is. */
export function definePlugin<Keys = Record<string, never>>(plugin: Plugin<Keys>): Plugin<Keys> {
  return plugin
}
