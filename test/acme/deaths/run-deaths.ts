import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Pebble } from '../pebble.ts'
import type { WriteDeath } from './die-at-write.ts'
import { watchingAuthority, type Phase, type Step, REQUESTS } from './watching-authority.ts'

/** Of whichever name comes there first. */
export interface RequestDeath {
  readonly step: Step
  readonly phase: Phase
}

export interface DeathsOptions {
  readonly folder: string
  readonly pebble: Pebble
  readonly names: readonly string[]
  /** Default: dns-01. */
  readonly challenge?: 'dns-01' | 'http-01' | 'tls-alpn-01'
  readonly requests: readonly RequestDeath[]
  readonly writes: readonly WriteDeath[]
  readonly retryAfterS: number
  readonly limitEvery?: number
  readonly withinMs: number
  readonly onProgress?: (line: string) => void
}

export interface DeathsResult {
  readonly starts: number
  /** Deaths that were not reached. */
  readonly left: readonly string[]
  /** Names that had another number of orders than of certificates, or that have none; orders that the authority called invalid aside. */
  readonly wrong: readonly string[]
  /** Why the authority called orders invalid: mostly, it validated while lb was dead. */
  readonly invalid: readonly string[]
  readonly early: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  /** Of lb, from `warn` on. */
  readonly warnings: readonly string[]
}

const bin = resolve(import.meta.dirname, '../../../bin/lb.js')
const hook = resolve(import.meta.dirname, 'dns-hook.sh')
const preload = resolve(import.meta.dirname, 'die-at-write.ts')
/** Each certificate is renewed once: the authority says so. */
const GENERATIONS = 2
export const WRITES = ['new', 'ordered', 'authorising', 'authorised', 'finalised', 'obtained'] as const

/** Each request and each write on the way to a certificate, in both phases and torn. */
export function everyDeath(): Pick<DeathsOptions, 'requests' | 'writes'> {
  const phases = ['torn', 'before', 'after'] as const
  return {
    requests: REQUESTS.flatMap((step) => (['before', 'after'] as const).map((phase) => ({ step, phase }))),
    writes: ['account', ...WRITES].flatMap((what) => phases.map((phase) => ({ what, phase })))
  }
}

/** A whole lb that is killed again and again, and started at once each time. */
export async function runDeaths(options: DeathsOptions): Promise<DeathsResult> {
  const { folder, pebble, names, onProgress = () => {} } = options
  const list = join(folder, 'deaths.json')
  writeFileSync(list, JSON.stringify(options.writes))
  const requests = [...options.requests]
  let child: ChildProcess | undefined
  const authority = await watchingAuthority({
    pebble,
    retryAfterS: options.retryAfterS,
    ...(options.limitEvery !== undefined && { limitEvery: options.limitEvery }),
    async dies(step, phase) {
      const at = requests.findIndex((each) => each.step === step && each.phase === phase)
      if (at === -1 || child === undefined) return false
      requests.splice(at, 1)
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      return true
    }
  })
  const storage = join(folder, 'storage')
  const config = join(folder, 'lb.yaml')
  writeFileSync(config, stringify(configOf(authority.url, storage, options)))
  const done = () =>
    names.every((name) => (authority.generations.get(name) ?? 0) >= GENERATIONS && isAtRest(storage, name))
  const warnings: string[] = []
  let starts = 0
  let ended = false
  const end = Date.now() + options.withinMs
  const run = async () => {
    while (!ended) {
      starts++
      authority.forget()
      const next = spawn(process.execPath, [bin, '--config', config], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, LB_LOG: 'json', LB_DEATHS: list, NODE_OPTIONS: `--import=${preload}` }
      })
      child = next
      for (const stream of [next.stdout, next.stderr])
        stream.setEncoding('utf8').on('data', (part: string) => {
          for (const line of part.split('\n'))
            if (/"level":"(warn|error)"|^[^{]/.test(line)) warnings.push(line)
        })
      const [code, signal] = (await once(next, 'exit')) as [number | null, string | null]
      onProgress(`${starts} starts, ${requests.length} requests to die at, ended by ${signal ?? code}`)
      if (signal === null && !ended) warnings.push(`lb ended with ${code}`)
    }
  }
  const running = run()
  while (!done() && Date.now() < end) await sleep(100)
  ended = true
  child?.kill('SIGKILL')
  await running
  authority.close()
  const left = [...requests, ...(JSON.parse(readFileSync(list, 'utf8')) as object[])]
  const { orders, generations, invalid } = authority
  const wrong = names
    .filter((name) => {
      const needed = (orders.get(name) ?? 0) - (invalid.get(name) ?? 0)
      return needed !== GENERATIONS || generations.get(name) !== GENERATIONS
    })
    .map(
      (name) =>
        `${name}: ${orders.get(name)} orders, ${invalid.get(name) ?? 0} of them invalid, ${generations.get(name)} certificates`
    )
  return {
    starts,
    left: left.map((each) => JSON.stringify(each)),
    wrong,
    invalid: authority.reasons,
    early: authority.early,
    counts: authority.counts,
    warnings
  }
}

function configOf(
  url: string,
  storage: string,
  { pebble, names, challenge = 'dns-01' }: DeathsOptions
): object {
  return {
    workers: 0,
    acme: {
      directory: { url, ca: pebble.ca },
      challenge,
      ...(challenge === 'dns-01' && { hook: ['sh', hook, pebble.dns] }),
      storage
    },
    listeners: [
      {
        ...{ name: 'https', bind: `127.0.0.1:${pebble.tlsPort}`, mode: 'l7' },
        tls: { acme: { domains: names } },
        routes: [{ respond: { status: 200 } }]
      },
      { name: 'http', bind: `127.0.0.1:${pebble.httpPort}`, mode: 'l7', redirectToHttps: true }
    ]
  }
}

/** Its certificate is written, and no order is under way. */
function isAtRest(storage: string, name: string): boolean {
  try {
    const files = readdirSync(join(storage, 'names'))
    if (!files.includes(`${name}.json`)) return false
    const record = JSON.parse(readFileSync(join(storage, 'names', `${name}.json`), 'utf8')) as {
      certificate?: object
      order?: object
    }
    return record.certificate !== undefined && record.order === undefined
  } catch {
    return false
  }
}
