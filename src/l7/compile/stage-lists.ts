import type { Stage } from '../stages/stage.ts'
import type { HookLists, StageHooks } from './hook-lists.ts'
import type { L7Snapshot } from './l7-snapshot.ts'

type With<Hook extends keyof Stage> = Stage & Required<Pick<Stage, Hook>>

/** `early` have had their request hook called before the route was known. */
export function stageHooks(early: readonly Stage[], late: readonly Stage[]): StageHooks {
  const all = hookLists(early, late)
  const fewer = hookLists(early.filter(concernsPlainGets), late.filter(concernsPlainGets))
  // Thousands of routes have these lists, and most of them are the same twice.
  const plainGet: HookLists = {
    request: shorter(fewer.request, all.request),
    forward: shorter(fewer.forward, all.forward),
    response: shorter(fewer.response, all.response),
    body: shorter(fewer.body, all.body),
    done: shorter(fewer.done, all.done)
  }
  return { all, plainGet }
}

/** The request hooks of stages that are asked before the route is known. */
export function earlyHooks(early: readonly Stage[]): L7Snapshot['early'] {
  return { all: having(early, 'request'), plainGet: having(early.filter(concernsPlainGets), 'request') }
}

function hookLists(early: readonly Stage[], late: readonly Stage[]): HookLists {
  const all = [...early, ...late]
  return {
    request: having(late, 'request'),
    forward: having(all, 'forward'),
    response: having(all, 'response').reverse(),
    body: having(all, 'body').reverse(),
    done: having(all, 'done')
  }
}

function having<Hook extends keyof Stage>(stages: readonly Stage[], hook: Hook): With<Hook>[] {
  return stages.filter((stage): stage is With<Hook> => stage[hook] !== undefined)
}

function concernsPlainGets({ skipsPlainGets }: Stage): boolean {
  return skipsPlainGets !== true
}

function shorter<List extends readonly unknown[]>(list: List, all: List): List {
  return list.length < all.length ? list : all
}
