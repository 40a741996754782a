import type { Stage } from '../stages/stage.ts'
import type { HookLists } from './hook-lists.ts'

type With<Hook extends keyof Stage> = Stage & Required<Pick<Stage, Hook>>

/** `early` have had their request hook called before the route was known. */
export function stageLists(early: readonly Stage[], late: readonly Stage[]): HookLists {
  const all = [...early, ...late]
  return {
    request: having(late, 'request'),
    forward: having(all, 'forward'),
    response: having(all, 'response').reverse(),
    body: having(all, 'body').reverse(),
    done: having(all, 'done')
  }
}

export function having<Hook extends keyof Stage>(stages: readonly Stage[], hook: Hook): With<Hook>[] {
  return stages.filter((stage): stage is With<Hook> => stage[hook] !== undefined)
}
