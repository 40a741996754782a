/** The part of a .cpuprofile (the format of Chrome's profiler) that is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  /** Microseconds on the monotonic clock of the machine, the one of process.hrtime. */
  readonly startTime: number
  /** Node ids, one per sample. */
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

export interface SelfTime {
  readonly name: string
  readonly place: string
  readonly microseconds: number
  /** Of the time that was not idle, 0..1. */
  readonly share: number
}

/**
 * Functions by the time spent in themselves, the greatest first. Left out are idle time and what was before `since`
 * (of the same clock as startTime): starting up is not what is looked at.
 */
export function selfTimes(profile: CpuProfile, root: string, since = 0): SelfTime[] {
  const { nodes, samples, timeDeltas, startTime } = profile
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const totals = new Map<string, { name: string; place: string; microseconds: number }>()
  let busy = 0
  let now = startTime
  samples.forEach((id, index) => {
    const frame = frames.get(id)
    const microseconds = timeDeltas[index] ?? 0
    now += microseconds
    if (
      now < since ||
      frame === undefined ||
      frame.functionName === '(idle)' ||
      frame.functionName === '(root)'
    )
      return
    busy += microseconds
    const name = frame.functionName === '' ? '(anonymous)' : frame.functionName
    const place = placeOf(frame.url, frame.lineNumber, root)
    const key = `${name} ${place}`
    const total = totals.get(key)
    if (total === undefined) totals.set(key, { name, place, microseconds })
    else total.microseconds += microseconds
  })
  return [...totals.values()]
    .map((total) => ({ ...total, share: busy === 0 ? 0 : total.microseconds / busy }))
    .sort((a, b) => b.microseconds - a.microseconds)
}

function placeOf(url: string, line: number, root: string): string {
  if (url === '') return ''
  const path = url.replace(/^file:\/\//, '')
  const shown = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
  return `${shown}:${line + 1}`
}
