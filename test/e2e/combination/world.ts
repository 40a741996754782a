import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainError } from '../../../src/core/log/host-logger.ts'
import { memoryLogger, type LoggedLine } from '../../fakes/memory-logger.ts'
import { start } from '../../../src/runtime/control/start.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { rawStreams } from '../../../src/net/transport/raw-streams.ts'
import { Seeded } from '../../http-battery/seeded.ts'
import { freePort } from '../../free-port.ts'
import { testCertificates, type TestCertificate } from '../../net/certificates.ts'
import { cookiesGiven } from './checks.ts'
import { accessLines } from './access-lines.ts'
import { ask, clientKinds, isHttp2, isRelayed, type ClientKind, type Doors } from './clients/connect.ts'
import { datagrams, tunnel } from './clients/tunnels.ts'
import { happen, writeBackends, writePage, writePair } from './happenings/happen.ts'
import { echoDatagrams } from './services/echo.ts'
import { startDns } from './services/dns.ts'
import { startForwardAuth } from './services/forward-auth.ts'
import { boundFields } from './services/bound-tokens.ts'
import { startIntrospection } from './services/introspection.ts'
import { Judge } from './judge.ts'
import { leftOver } from './left-over.ts'
import { backendKinds, combinationOrigin, type BackendKind } from './origins/origin.ts'
import { cutsShort, plainPlan, type Plan } from './plan.ts'
import { refusalsTold } from './refused-sessions.ts'
import { requestFeatures } from './request-features.ts'
import { hasRedis, startRedis } from './services/redis.ts'
import { stapledCertificate } from './services/stapled.ts'
import { MOVED_BY } from './stickiness.ts'
import { knowNames, named } from './services/names.ts'
import { linesOf } from './rotated-log.ts'
import { watchTimer } from './starved.ts'
import { whileStopping } from './while-stopping.ts'
import { readWorld, type Setting } from './world-config.ts'
import { worldFeatures } from './world-features.ts'

/** TLS with a backend begins after this. */
const TLS_AFTER_MS = 60

export interface WorldOptions {
  readonly requests: number
  /** Left out: all of them. */
  readonly clients?: readonly ClientKind[]
  /** Left out: one that is drawn. */
  readonly backend?: BackendKind
  /** Clients at once. */
  readonly connections?: number
  /** Features that are on or off whatever is drawn. */
  readonly features?: Readonly<Record<string, boolean>>
}

export interface WorldResult {
  readonly seed: number
  readonly features: readonly string[]
  readonly uploads: number
  /** Answers that a backend made, or the cache. */
  readonly answered: number
  /** Answers that lb waited for in vain, although a backend was to give them. */
  readonly waits: number
  /** How late a timer has fired at most, in ms. */
  readonly lateMs: number
  /** What must not be, in words; empty when all is well. */
  readonly wrong: readonly string[]
}

const certificates = testCertificates()
const leaf = certificates.leaf('localhost', '127.0.0.1')
const leafOfStranger = testCertificates().issue({ subject: '/CN=a stranger', san: 'DNS:stranger.test' })
const leafOfClient = certificates.issue({ subject: '/CN=a client', san: 'DNS:client.test' })

/** One lb with features drawn by `seed`, drawn requests through it, and what was wrong with them. */
export async function runWorld(seed: number, options: WorldOptions): Promise<WorldResult> {
  const lateMs = watchTimer()
  const seeded = new Seeded(seed)
  const on = new Set<string>()
  const features = worldFeatures.filter(({ name, share, needs, with: beside, without = [] }) => {
    const drawn = seeded.chance(share)
    if (needs === 'redis' && !hasRedis) return false
    if (beside?.some((other) => on.has(other)) === false) return false
    const chosen = options.features?.[name] ?? (drawn && !without.some((other) => on.has(other)))
    if (chosen) on.add(name)
    return chosen
  })
  const drawnKind = seeded.of(backendKinds)
  const kind = options.backend ?? drawnKind
  const folder = mkdtempSync(join(tmpdir(), 'lb-world-'))
  const judge = new Judge()
  const proxied = !kind.startsWith('h2') && features.some(({ name }) => name === 'PROXY headers to backends')
  const makeOrigin = (path: string, mirrored = false) =>
    combinationOrigin({
      name: path,
      trailed: !on.has('buffer'),
      kind,
      certificate: leaf,
      tlsAfterMs: TLS_AFTER_MS,
      resumes: !on.has('backends that refuse sessions'),
      proxied,
      path: join(folder, path),
      onComplete: (plan, upload) => judge.taken(plan, upload, mirrored),
      onWrong: (words) => judge.wrong.push(words)
    })
  const origins = await Promise.all([makeOrigin('1'), makeOrigin('2'), makeOrigin('3'), makeOrigin('m', true)])
  const echo = await echoDatagrams()
  const happens = new Set(features.map(({ happening }) => happening))
  judge.dying = happens.has('worker-death')
  if (!happens.has('reload')) judge.checks = features.flatMap(({ check, checks }) => [check ?? [], checks?.() ?? []].flat())
  judge.strict = on.has('strict pace of clients')
  Object.assign(judge, { endsLikeWhole: happens.has('downs') && (kind === 'unix' || kind === 'tls'), backups: on.has('backups'), freezes: happens.has('downs') })
  judge.keepsWhole = !happens.has('downs') && !kind.startsWith('h2') && !judge.dying && !['pipelining', 'plugin that writes nonsense', 'strict pace of clients'].some((name) => on.has(name))
  const redis = features.some(({ needs }) => needs === 'redis') ? await startRedis(folder) : undefined
  const dns =
    happens.has('dns') && kind !== 'unix' ? await startDns(origins.slice(0, 3).map(({ address }) => address)) : undefined
  const introspection = await startIntrospection()
  const forwardAuth = await startForwardAuth()
  if (on.has('forward-auth') && !happens.has('reload')) judge.checks = [...judge.checks, cookiesGiven(forwardAuth.cookies)]
  judge.sticky.holds = !kind.startsWith('h2') && !MOVED_BY.some((name) => on.has(name))
  if (on.has('log that is moved away')) judge.answers = []
  if (on.has('backends by name')) knowNames()
  const stapled = features.some(({ name }) => name === 'ocsp') ? await stapledCertificate(certificates) : undefined
  mkdirSync(join(folder, 'pairs'))
  writePair(folder, 'a', leaf)
  if (happens.has('certificates')) writePair(folder, 'c', validSoon())
  writePage(folder, 0)
  const setting: Setting = {
    backendKind: kind,
    stapled: stapled?.files,
    introspection: introspection.url,
    forwardAuth: forwardAuth.url,
    pair: leaf,
    origins,
    backups: judge.backups,
    ...{ mainsUp: judge.mainsUp, purges: judge.purges, answered: () => judge.answered },
    backends: origins.slice(0, 3).map(({ address }, at) => (on.has('backends by name') ? named(address, at) : address)),
    shadow: origins[3]!.address,
    datagrams: echo.address,
    workers: judge.dying || on.has('two workers') ? 2 : 0,
    certificate: leaf.files,
    caFile: certificates.caFile,
    unix: join(folder, 'lb'),
    ports: on.has('other names of listeners') ? await Promise.all(Array.from({ length: 5 }, freePort)) : undefined,
    folder,
    second: false,
    redis: redis?.url ?? '',
    list: happens.has('discovery') ? join(folder, 'list.json') : undefined,
    dns: dns?.server
  }
  if (setting.list !== undefined) writeBackends(setting.list, setting.backends, setting.backups)
  const log = Object.assign(memoryLogger('info'), { flush: () => Promise.resolve() })
  const started = async (of: Setting): Promise<Runtime> =>
    (await start(await readWorld(features, of), { log, logLevel: 'info', forwardLog: true, crashable: true })) as Runtime
  const running = await started(setting)
  const second = on.has('a second instance') ? await started({ ...setting, second: true, unix: join(folder, 'second') }) : undefined
  const all = second === undefined ? [running] : [running, second]
  judge.purges.reachesAll = on.has('cache in Redis') && !happens.has('redis')
  try {
    const wanted = (options.clients ?? clientKinds).filter((each) => !isRelayed(each) || !kind.startsWith('h2'))
    // A backend that speaks TLS would be asked too (sslmode), and these are no PostgreSQL.
    const clients = wanted.filter((each) => each !== 'l4-asks-tls' || kind !== 'tls')
    await traffic(seed, all, judge, { ...options, clients }, kind, on, (isGoingOn) =>
      happen(running, features, setting, seeded, dns, isGoingOn)
    )
    for (const each of happens.has('stop') ? [] : all) judge.wrong.push(...(await leftOver(each, on.has('plugin that writes nonsense'))))
    if (on.has('backends that refuse sessions') && !happens.has('downs') && !judge.dying)
      judge.wrong.push(...refusalsTold(all, origins))
    if (features.some(({ name }) => name === 'stops after a while'))
      judge.wrong.push(...(await whileStopping(seed, running, judge, doorsOf(running, judge, on), clients)))
      if (judge.questions.no > 0) judge.wrong.push(`${judge.questions.no} questions for TLS answered otherwise than with S`)
    const { got, missing } = judge.staples
    if (stapled !== undefined && !happens.has('reload') && missing > 0)
      judge.wrong.push(`${missing} handshakes without a staple, ${got} with one`)
  const { asked, told } = judge.foreign
    if (asked > 20 && told === 0 && rawStreams !== undefined) judge.wrong.push(`${asked} strangers, none was told why`)
    if (judge.answers !== undefined && !judge.dying) judge.wrong.push(...(await linesOf(folder, judge.answers)))
  } finally {
    for (const each of all) await each.kill()
    for (const origin of origins) origin.close()
    echo.close()
    redis?.close()
    dns?.close()
    introspection.close()
    forwardAuth.close()
    judge.wrong.push(...accessLines(folder))
    rmSync(folder, { recursive: true })
  }
  for (const line of log.lines) {
    if (judge.dying && /^worker died|^reload refused.*deliberately/.test(line.message)) continue
    // What is wrong in the folder is told, and nothing else comes of it.
    if (happens.has('certificates') && /^certificate .*(?:is left out|stays in use)$/.test(line.message)) continue
    const told = JSON.stringify(line, plainError)
    const isNonsense = told.includes('nonsense') || line.message.startsWith('more like these')
    if (isNonsense && on.has('plugin that writes nonsense')) continue
    if (told.includes('LB_INTERNAL') || line.level === 'error') judge.wrong.push(`log: ${told}`)
  }
  const { uploads, answered, waits } = judge
  const wrong = judge.wrong.map((words) => withReason(words, log.lines))
  return { seed, features: [`${kind} backends`, ...features.map(({ name }) => name)], uploads, answered, waits, lateMs: lateMs(), wrong }
} // prettier-ignore

/** With what the log says of the request, where lb answered it itself. */
function withReason(words: string, lines: readonly LoggedLine[]): string {
  const id = /x-request-id: ([0-9a-f]{32})/i.exec(words)?.[1]
  const line = id === undefined ? undefined : lines.find(({ fields }) => fields['requestId'] === id)
  return line === undefined ? words : `${String(line.fields['reason'])}: ${words}`
} // prettier-ignore

async function traffic(
  seed: number,
  all: readonly Runtime[],
  judge: Judge,
  options: WorldOptions & { readonly clients: readonly ClientKind[] },
  backend: BackendKind,
  on: ReadonlySet<string>,
  meanwhile: (isGoingOn: () => boolean) => Promise<unknown>
): Promise<void> {
  const doorsOfAll = all.map((running) => doorsOf(running, judge, on))
  let left = options.requests
  let going = true
  const client = async (number: number): Promise<void> => {
    const own = new Seeded(seed * 1_000 + number)
    while (left > 0) {
      const kind = own.of(options.clients)
      const instance = own.below(all.length)
      const doors = doorsOfAll[instance]!
      if (!isRelayed(kind) && own.chance(0.05)) {
        const wrong = await tunnel(kind, doors, `t${number}`, own)
        if (wrong) judge.wrong.push(`tunnel: ${wrong}`)
        continue
      }
      const http2 = !backend.startsWith('h2') ? undefined : isHttp2(kind) ? 'both' : 'backend'
      const plans = Array.from({ length: 1 + own.below(8) }, () => draw(own, `${seed}-${left--}`, http2, on))
      const certificate = !on.has('client certificates') ? undefined : own.chance(0.15) ? 'foreign' : 'own'
      // NTLM ties its connection to a backend, whatever cookies say.
      const isTied = plans.some(({ fields }) => fields.includes('Authorization: NTLM'))
      for (const plan of plans) {
        plan.certificate = certificate
        // L4 waits as long as its idle timeout.
        if (isRelayed(kind)) Object.assign(plan, { hangs: false, stalls: false })
        Object.assign(plan, { door: kind, instance })
        plan.fields =
          plan.fields.replaceAll('{sticky}', isTied ? 'none' : judge.sticky.cookie) +
          boundFields(plan, leafOfClient.cert)
        judge.asked(plan)
      }
      for (const answer of await ask(kind, doors, plans, own.chance(0.3)))
        judge.answer(answer, kind, plans.some(cutsShort))
    }
  }
  const clients = Array.from({ length: options.connections ?? 12 }, (_, number) => client(number))
  const udp = datagrams(portOf(all[0]!, 'udp'), `d${seed}`, 30)
  const happening = meanwhile(() => going)
  await Promise.all(clients)
  going = false
  await happening
  judge.wrong.push(...(await udp))
}

function portOf(running: Runtime, name: string): number {
  return boundTo(running, name)?.port ?? 0
}

/** Whatever it is called since a reload. */
function boundTo(running: Runtime, name: string): Runtime['addresses'][number] | undefined {
  return running.addresses.find(({ listener }) => listener.replace(/-\d$/, '') === name)
}

function doorsOf(running: Runtime, judge: Judge, on: ReadonlySet<string>): Doors {
  return {
    clear: portOf(running, 'clear'),
    tls: portOf(running, 'tls'),
    l4: portOf(running, 'l4'),
    l4Tls: portOf(running, 'l4-tls'),
    unix: boundTo(running, 'unix')!.address.replace('unix:', ''),
    ca: certificates.ca,
    own: leafOfClient,
    foreign: leafOfStranger,
    shows: on.has('client certificates'),
    staples: judge.staples,
    questions: judge.questions
  }
}

/** Nobody's certificate yet: it counts while clients come and go. */
function validSoon(): TestCertificate {
  const at = (ms: number): string => new Date(Date.now() + ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return certificates.issue({ san: 'DNS:soon.test', from: at(2_000), until: at(5 * 86_400_000) })
}

function draw(
  seeded: Seeded,
  id: string,
  http2: 'both' | 'backend' | undefined,
  on: ReadonlySet<string>
): Plan {
  const plan = plainPlan(id)
  for (const feature of requestFeatures) {
    const fits = feature.http2 === undefined || http2 === 'both' || feature.http2 === http2
    const there = feature.world === undefined || on.has(feature.world)
    if (seeded.chance(feature.share) && fits && there) feature.apply(plan, seeded)
  }
  if (plan.method !== 'PUT' && plan.method !== 'POST') plan.upload = 0
  return plan
}
