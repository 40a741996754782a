import { fork } from 'node:child_process'
import { once } from 'node:events'
import { putIn, type Manner } from './put-in.ts'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { checkCertificate } from '../../../../src/net/tls/certificates/check-certificate.ts'
import { start } from '../../../../src/runtime/control/start.ts'
import { memoryLogger } from '../../../fakes/memory-logger.ts'
import { testCertificates } from '../../../net/certificates.ts'
import { configOf } from '../../../runtime/configs.ts'
import type { Shaken } from './load.ts'

export interface SwapsOptions {
  readonly folder: string
  readonly swaps: number
  /** From one swap to the next, at least. */
  readonly everyMs: number
  readonly workers: number
  /** How the files are replaced, in turns; default: by rename. */
  readonly manners?: readonly Manner[]
  /** Clients at once. */
  readonly connections: number
}

export interface SwapsReport {
  readonly handshakes: number
  readonly errors: readonly string[]
  /** Of each swap: until the beginning of the last handshake that was shown the certificate before. */
  readonly lags: readonly number[]
  /** Swaps after which the new certificate was not seen in time. */
  readonly unseen: number
  readonly offered: number
  readonly resumed: number
}

const SEEN_WITHIN_MS = 30_000

/** Swaps the certificate of a listener again and again while clients shake hands with it. */
export async function runSwaps(options: SwapsOptions): Promise<SwapsReport> {
  const pki = testCertificates()
  const files = { cert: join(options.folder, 'a.crt'), key: join(options.folder, 'a.key') }
  // More than two take part in turns: the one that comes back is told from the one before it.
  const turns = Array.from({ length: 3 }, () => pki.leaf('a.test'))
  const prints = turns.map(({ cert, key }) => checkCertificate(cert, key, Date.now()).facts!.fingerprint)
  const { manners = ['rename'] } = options
  const put = (at: number): Promise<void> =>
    putIn(options.folder, manners[at % manners.length]!, turns[at % 3]!, at)
  await put(0)
  const running = await start(
    configOf({
      workers: options.workers,
      listeners: [
        {
          ...{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', tls: { certificates: [files] } },
          routes: [{ respond: { status: 200, body: 'x' } }]
        }
      ]
    }),
    { log: memoryLogger('debug'), logLevel: 'silent' }
  )
  const { port } = running.addresses[0]!
  const load = fork(join(import.meta.dirname, 'load.ts'), [
    JSON.stringify({ port, connections: options.connections })
  ])
  const shaken: Shaken[] = []
  load.on('message', (message) => shaken.push(message as Shaken))
  const seen = async (print: string): Promise<boolean> => {
    const deadline = Date.now() + SEEN_WITHIN_MS
    for (let from = shaken.length; Date.now() < deadline; await wait(10)) {
      for (; from < shaken.length; from++) if (shaken[from]!.shown === print) return true
    }
    return false
  }
  const swapped: number[] = []
  let unseen = 0
  try {
    await seen(prints[0]!)
    for (let n = 1; n <= options.swaps; n++) {
      await put(n)
      const at = Date.now()
      swapped.push(at)
      if (!(await seen(prints[n % 3]!))) unseen++
      await wait(Math.max(options.everyMs - (Date.now() - at), 50))
    }
  } finally {
    load.send('stop')
    await once(load, 'exit')
    await running.kill()
  }
  return {
    handshakes: shaken.length,
    errors: shaken.flatMap(({ error }) => error ?? []),
    lags: swapped.map((at, n) => {
      const old = prints[n % 3]!
      const until = swapped[n + 1] ?? Infinity
      const late = shaken.filter(({ began, shown }) => shown === old && began >= at && began < until)
      return late.reduce((most, { began }) => Math.max(most, began - at), 0)
    }),
    unseen,
    offered: shaken.filter(({ offered }) => offered).length,
    resumed: shaken.filter(({ resumed }) => resumed).length
  }
}
