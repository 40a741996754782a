import { renameSync, writeFileSync } from 'node:fs'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import type { Workers } from '../../../src/runtime/workers/workers.ts'
import type { Seeded } from '../../http-battery/seeded.ts'
import { pause } from './plan.ts'
import { readWorld, type Setting } from './world-config.ts'
import type { WorldFeature } from './world-features.ts'

/** Lets what the features say happen, while `isGoingOn`. */
export function happen(
  running: Runtime,
  features: readonly WorldFeature[],
  setting: Setting,
  seeded: Seeded,
  isGoingOn: () => boolean
): Promise<unknown> {
  const happenings = features.map(({ happening }) => happening)
  return Promise.all([
    happenings.includes('reload') ? reloads(running, features, setting, seeded, isGoingOn) : undefined,
    happenings.includes('worker-death') ? deaths(running, setting, isGoingOn) : undefined,
    setting.list === undefined ? undefined : discoveries(setting, seeded, isGoingOn)
  ])
}

/** Features go and come back. */
async function reloads(
  running: Runtime,
  features: readonly WorldFeature[],
  setting: Setting,
  seeded: Seeded,
  isGoingOn: () => boolean
): Promise<void> {
  for (let n = 0; n < 5; n++) {
    await pause(300)
    if (!isGoingOn()) return
    const kept = n % 2 === 0 ? features.filter(() => seeded.chance(0.5)) : features
    const report = await running.apply(await readWorld(kept, setting))
    // A worker that dies meanwhile takes the reload with it.
    if (report.errors !== undefined && setting.workers === 0) throw new Error(report.errors.join('\n'))
  }
}

async function deaths(running: Runtime, setting: Setting, isGoingOn: () => boolean): Promise<void> {
  await pause(200)
  if (isGoingOn() && setting.workers > 0) (running.planes as Workers).crash(1, 'deliberately')
}

/** Backends go and come back; the first stays. */
async function discoveries(setting: Setting, seeded: Seeded, isGoingOn: () => boolean): Promise<void> {
  while (isGoingOn()) {
    await pause(300)
    writeBackends(
      setting.list!,
      setting.backends.filter((_, at) => at === 0 || seeded.chance(0.6))
    )
  }
}

export function writeBackends(file: string, backends: readonly string[]): void {
  writeFileSync(`${file}.new`, JSON.stringify(backends))
  renameSync(`${file}.new`, file)
}
