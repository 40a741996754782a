import { pathOf } from '../../../src/config/report/problem.ts'

type Holder = Record<string | number, unknown>

/** Takes out what a problem is about, or the nearest thing around it. */
export function takeOut(config: unknown, pathText: string): void {
  const parts = pathOf(pathText) ?? []
  let last: { holder: Holder; part: string | number } | undefined
  let at: unknown = config
  for (const part of parts) {
    if (typeof at !== 'object' || at === null || !(part in at)) break
    last = { holder: at as Holder, part }
    at = last.holder[part]
  }
  if (last === undefined) return
  if (Array.isArray(last.holder)) last.holder.splice(Number(last.part), 1)
  else delete last.holder[last.part]
}
