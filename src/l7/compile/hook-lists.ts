import type { Verdict } from '../stages/verdict.ts'
import type { BodyOutput, BodyTransform } from '../exchange/body-chain.ts'

/**
 * The stages of a route by the hooks that they have: an exchange walks only over hooks that are there. The exchange that
 * they take is said where they are made (`stages/stage.ts`); whoever walks passes itself.
 */
export interface HookLists {
  readonly request: readonly RequestHook[]
  readonly forward: readonly { forward(exchange: never, head: never): void }[]
  /** In reverse order of the table, as `body`. */
  readonly response: readonly {
    readonly neededByErrors?: true
    response(exchange: never, head: never): void
  }[]
  readonly body: readonly {
    body(exchange: never, head: never, output: BodyOutput): BodyTransform | undefined
  }[]
  readonly done: readonly { done(exchange: never, durationMs: number): void }[]
}

export interface RequestHook {
  request(exchange: never): Verdict
}

/** Of one route. */
export interface StageHooks {
  readonly all: HookLists
  /** Without the stages that have nothing to do with a GET that came through no other proxy. */
  readonly plainGet: HookLists
}

/** For an exchange whose stages have failed. */
export const NO_HOOKS: HookLists = { request: [], forward: [], response: [], body: [], done: [] }
