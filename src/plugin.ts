// What a plugin imports, as `fourseven/plugin`: light, since every worker loads it.

export {
  decimal,
  duration,
  fieldName,
  fieldValue,
  flag,
  integer,
  lifetime,
  listOf,
  mapping,
  off,
  on,
  percent,
  rate,
  secret,
  size,
  text,
  word
} from './config/plugins/author-leaves.ts'
export { cookieValue } from './core/cookies.ts'
export { answer, type PluginAnswer } from './l7/plugins/answer.ts'
export {
  definePlugin,
  type Plugin,
  type PluginContext,
  type PluginExchange,
  type PluginHooks,
  type PluginVerdict,
  type RequestBodyHead
} from './l7/plugins/plugin.ts'
export type { BodyOutput, BodyTransform } from './l7/exchange/body-chain.ts'
export type { ForwardHead } from './l7/exchange/forward-head.ts'
export type { ResponseHead } from './l7/exchange/response/response-head.ts'
export type { Explanation } from './l7/stages/explanation.ts'
export type { Refusal } from './l7/stages/refusal.ts'
export { ANSWERED, GO_ON, WAITS, type Verdict } from './l7/stages/verdict.ts'
export { NO_BODY, UNKNOWN_LENGTH } from './l7/message/body-length.ts'
