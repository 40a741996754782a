import type { Stage } from '../stages/stage.ts'

type With<Hook extends keyof Stage> = Stage & Required<Pick<Stage, Hook>>

/** The stages of a route by the hooks that they have: an exchange walks only over hooks that are there. */
export interface StageLists {
  readonly request: readonly With<'request'>[]
  readonly forward: readonly With<'forward'>[]
  /** In reverse order of the table, as `body`. */
  readonly response: readonly With<'response'>[]
  readonly body: readonly With<'body'>[]
  readonly done: readonly With<'done'>[]
}

/** `early` have had their request hook called before the route was known. */
export function stageLists(early: readonly Stage[], late: readonly Stage[]): StageLists {
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

/** For an exchange whose stages have failed. */
export const NO_STAGES: StageLists = { request: [], forward: [], response: [], body: [], done: [] }
