import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { start } from '../../../src/runtime/control/start.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { Seeded } from '../../http-battery/seeded.ts'
import { testCertificates } from '../../net/certificates.ts'
import { configOf } from '../../runtime/configs.ts'
import { ask, type Answer } from './client.ts'
import { requestFeatures, worldFeatures, type WorldFeature } from './features.ts'
import { combinationOrigin } from './origin.ts'
import { bytesOf, plainPlan, type Plan } from './plan.ts'

const CONNECTIONS = 12

export interface WorldResult {
  readonly seed: number
  readonly features: readonly string[]
  readonly requests: number
  readonly uploads: number
  /** Answers that a backend made, or the cache. */
  readonly answered: number
  /** What must not be, in words; empty when all is well. */
  readonly wrong: readonly string[]
}

const certificates = testCertificates()
const leaf = certificates.leaf('localhost', '127.0.0.1')

/** One lb with features drawn by `seed`, `requests` drawn requests through it, and what was wrong with them. */
export async function runWorld(seed: number, requests: number): Promise<WorldResult> {
  const seeded = new Seeded(seed)
  const features = worldFeatures.filter(({ share }) => seeded.chance(share))
  const wrong: string[] = []
  const hashes = new Map<string, string>()
  let uploads = 0
  const tls = features.find(({ tlsAfterMs }) => tlsAfterMs !== undefined)
  const origins = await Promise.all(
    [1, 2, 3].map(() =>
      combinationOrigin({
        ...(tls === undefined ? {} : { tls: { ...leaf, afterMs: tls.tlsAfterMs! } }),
        onComplete(plan, upload) {
          if (plan.upload === 0) return
          uploads++
          if (upload.bytes === plan.upload && upload.hash === hashes.get(plan.id)) return
          wrong.push(
            `${plan.id}: ${upload.bytes} of ${plan.upload} bytes taken for whole: ${JSON.stringify(plan)}`
          )
        }
      })
    )
  )
  const folder = mkdtempSync(join(tmpdir(), 'lb-combination-'))
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, certificates.ca)
  const log = Object.assign(memoryLogger('info'), { flush: () => Promise.resolve() })
  const config = configOf(
    worldConfig(
      features,
      origins.map(({ address }) => address),
      tls === undefined ? undefined : ca
    )
  )
  const running = (await start(config, { log, logLevel: 'silent' })) as Runtime
  let answered = 0
  try {
    const { port } = running.addresses.find(({ listener }) => listener === 'web')!
    let left = requests
    const client = async (number: number): Promise<void> => {
      const own = new Seeded(seed * 1_000 + number)
      while (left > 0) {
        const plans = Array.from({ length: 1 + own.below(8) }, () => draw(own, `${seed}-${left--}`))
        for (const plan of plans) hashes.set(plan.id, sha(bytesOf(plan.id, plan.upload)))
        for (const answer of await ask(port!, plans, own.chance(0.3))) {
          if (answer.status > 0) answered++
          check(answer, wrong)
        }
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, number) => client(number)))
    await settled(running, wrong)
  } finally {
    await running.kill()
    for (const origin of origins) origin.close()
    rmSync(folder, { recursive: true })
  }
  for (const line of log.lines) {
    if (JSON.stringify(line).includes('LB_INTERNAL') || line.level === 'error') {
      wrong.push(`log: ${JSON.stringify(line)}`)
    }
  }
  return { seed, features: features.map(({ name }) => name), requests, uploads, answered, wrong }
}

function worldConfig(
  features: readonly WorldFeature[],
  backends: readonly string[],
  ca: string | undefined
): object {
  const pool = {
    backends,
    breaker: false,
    timeouts: { response: '700ms', idle: '5s' },
    ...(ca === undefined ? {} : { tls: { ca } })
  }
  const route = { name: 'all', match: {}, pool: 'site' }
  let config: object = {}
  for (const feature of features) {
    Object.assign(pool, merged(pool, feature.pool ?? {}))
    Object.assign(route, merged(route, feature.route ?? {}))
    config = merged(config, feature.config ?? {})
  }
  return {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', routes: [route] }],
    pools: { site: pool, shadow: { ...pool, backends: [backends[0]] } },
    ...config
  }
}

/** One level deep: `connections` of two features go together. */
function merged(base: object, over: object): object {
  const all: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over) as [string, unknown][]) {
    const both = typeof all[key] === 'object' && typeof value === 'object' && !Array.isArray(value)
    all[key] = both ? { ...(all[key] as object), ...(value as object) } : value
  }
  return all
}

function draw(seeded: Seeded, id: string): Plan {
  const plan = plainPlan(id)
  for (const feature of requestFeatures) if (seeded.chance(feature.share)) feature.apply(plan, seeded)
  if (plan.method !== 'PUT' && plan.method !== 'POST') plan.upload = 0
  return plan
}

/** What comes from a backend is whole, and the answer to what was asked; errors of lb are its own. */
function check({ plan, status, head, body, whole }: Answer, wrong: string[]): void {
  const from = /\r\nx-id: (.*)\r\n/i.exec(head)?.[1]
  const told = JSON.stringify({ status, head, plan })
  if (status === 500 && from === undefined) wrong.push(`internal error: ${told}`)
  if (status === 400 || status === 408) wrong.push(`refused what was right: ${told}`)
  if (from === undefined || !whole) return
  if (from !== plan.id && !plan.path.startsWith('/c/')) wrong.push(`answer of another request: ${told}`)
  const size = Number(/\r\nx-size: (\d+)\r\n/i.exec(head)![1])
  const bodiless = plan.method === 'HEAD' || status === 204 || status === 304
  if (!bodiless && !body.equals(bytesOf(from, size))) wrong.push(`${body.length} of ${size} bytes: ${told}`)
}

/** Nothing is left over. */
async function settled(running: Runtime, wrong: string[]): Promise<void> {
  const active = (): number =>
    [...running.pools.values()]
      .flatMap(({ backends }) => backends)
      .reduce((sum, { active }) => sum + active, 0)
  const late = Date.now() + 15_000
  while (active() > 0 && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 50))
  if (active() > 0) wrong.push(`${active()} leases are out`)
}

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
