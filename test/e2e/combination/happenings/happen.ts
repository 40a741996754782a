import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from '../../../../src/runtime/runtime.ts'
import type { Workers } from '../../../../src/runtime/workers/workers.ts'
import type { Seeded } from '../../../http-battery/seeded.ts'
import { pause } from '../plan.ts'
import { rotations } from '../rotated-log.ts'
import { downs } from './downs.ts'
import { purges } from './purges.ts'
import type { WorldDns } from '../services/dns.ts'
import { redisMishaps } from '../services/redis-happenings.ts'
import { readWorld, withBackups, type Setting } from '../world-config.ts'
import type { Happening, WorldFeature } from '../world-features.ts'

/** Lets what the features say happen, while `isGoingOn`. */
export function happen(
  running: Runtime,
  features: readonly WorldFeature[],
  setting: Setting,
  seeded: Seeded,
  dns: WorldDns | undefined,
  isGoingOn: () => boolean
): Promise<unknown> {
  const happenings = features.map(({ happening }) => happening)
  return Promise.all([
    happenings.includes('reload') ? reloads(running, features, setting, seeded, isGoingOn) : undefined,
    happenings.includes('worker-death') ? deaths(running, setting, isGoingOn) : undefined,
    happenings.includes('certificates')
      ? certificates(running, features, setting, seeded, isGoingOn)
      : undefined,
    happenings.includes('pages') ? pages(setting, isGoingOn) : undefined,
    happenings.includes('drain') ? drains(running, happenings, setting, seeded, isGoingOn) : undefined,
    happenings.includes('rotate') ? rotations(running, setting.folder, isGoingOn) : undefined,
    happenings.includes('stop') ? stops(running, isGoingOn) : undefined,
    happenings.includes('redis') ? redisMishaps(setting.redis, seeded, isGoingOn) : undefined,
    happenings.includes('downs') ? downs(running, setting, seeded, isGoingOn) : undefined,
    happenings.includes('purges') && features.some(({ route }) => route !== undefined && 'cache' in route)
      ? purges(
          running,
          setting.purges,
          seeded,
          happenings.includes('reload') || happenings.includes('stop'),
          isGoingOn
        )
      : undefined,
    dns?.changes(seeded, isGoingOn),
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
    const kept = n % 2 === 0 ? features.filter(({ stays }) => seeded.chance(0.5) || stays) : features
    const suffix =
      n % 2 === 0 && features.some(({ name }) => name === 'other names of listeners') ? `-${n}` : ''
    const report = await running.apply(await readWorld(kept, { ...setting, suffix }))
    // A worker that dies meanwhile takes the reload with it.
    if (report.errors !== undefined && !features.some(({ happening }) => happening === 'worker-death'))
      throw new Error(report.errors.join('\n'))
  }
}

async function deaths(running: Runtime, setting: Setting, isGoingOn: () => boolean): Promise<void> {
  await pause(200)
  if (isGoingOn() && setting.workers > 0) (running.planes as Workers).crash(1, 'deliberately')
}

/** What is under way comes to its end; what comes later is refused. */
async function stops(running: Runtime, isGoingOn: () => boolean): Promise<void> {
  await pause(250)
  if (!isGoingOn()) return
  let stopped = false
  void running.stop().then(() => (stopped = true))
  const late = Date.now() + 60_000
  while (!stopped && Date.now() < late) await pause(50)
  if (!stopped) throw new Error('did not stop within a minute')
}

/** Backends go and come back; the first stays. */
async function discoveries(setting: Setting, seeded: Seeded, isGoingOn: () => boolean): Promise<void> {
  while (isGoingOn()) {
    await pause(300)
    writeBackends(
      setting.list!,
      setting.backends.filter((_, at) => at === 0 || seeded.chance(0.6)),
      setting.backups
    )
  }
}

export function writeBackends(file: string, backends: readonly string[], backups: boolean): void {
  writeFileSync(`${file}.new`, JSON.stringify(withBackups(backends, backups)))
  renameSync(`${file}.new`, file)
}

/** What `certificates` makes of the files is nobody's certificate; the pair that was right stays in use. */
async function certificates(
  running: Runtime,
  features: readonly WorldFeature[],
  setting: Setting,
  seeded: Seeded,
  isGoingOn: () => boolean
): Promise<void> {
  // Reloads of another kind put their own features in force.
  const reloads = features.some(({ happening }) => happening === 'reload')
  while (isGoingOn()) {
    await pause(200)
    writePair(setting.folder, 'b', { cert: `broken ${seeded.below(1_000)}`, key: '' })
    if (seeded.chance(0.5)) writePair(setting.folder, 'a', { cert: 'broken for a moment', key: '' })
    if (!reloads && isGoingOn()) await running.apply(await readWorld(features, setting))
    writePair(setting.folder, 'a', setting.pair)
  }
}

export function writePair(
  folder: string,
  name: string,
  pair: { readonly cert: string; readonly key: string }
): void {
  writeFileSync(join(folder, 'pairs', `${name}.crt`), pair.cert)
  writeFileSync(join(folder, 'pairs', `${name}.key`), pair.key)
}

async function pages(setting: Setting, isGoingOn: () => boolean): Promise<void> {
  for (let number = 1; isGoingOn(); number++) {
    await pause(50)
    writePage(setting.folder, number)
  }
}

export function writePage(folder: string, number: number): void {
  const file = join(folder, 'page.html')
  writeFileSync(
    `${file}.new`,
    `page ${number}: {status} ${'x'.repeat((number % 50) * 100)} end of ${number}\n`
  )
  renameSync(`${file}.new`, file)
}

/** One backend after the other keeps its sessions only; the first stays. */
async function drains(
  running: Runtime,
  happenings: readonly (Happening | undefined)[],
  setting: Setting,
  seeded: Seeded,
  isGoingOn: () => boolean
): Promise<void> {
  while (isGoingOn()) {
    const backend = seeded.of(setting.backends.slice(1))
    try {
      const sessionsMs = seeded.of([100, 2_000])
      await running.control.changeBackend('site', backend, { state: 'drain', sessionsMs })
    } catch (error) {
      // A reload may have taken the cookie away.
      if (!happenings.includes('reload')) throw error
    }
    await pause(200)
    await running.control.changeBackend('site', backend, { state: 'ready' })
    await pause(50)
  }
}
