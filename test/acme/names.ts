import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { AcmeNames, type AcmeNamesDeps } from '../../src/acme/names/acme-names.ts'
import type { AcmeConfig } from '../../src/config/model/acme-model.ts'
import { systemClock } from '../../src/core/clock.ts'
import { memoryLogger, type LoggedLine } from '../fakes/memory-logger.ts'
import { seededRandom } from '../../src/core/random.ts'
import { Challenges } from '../../src/net/tls/challenges.ts'
import type { Pebble } from './pebble.ts'

/** A folder that goes with the test, also while a last write is under way. */
export function acmeFolder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'lb-acme-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
  return path
}

export interface Keeper {
  readonly names: AcmeNames
  readonly lines: readonly LoggedLine[]
  /** Begins to look after these. */
  begin(config: AcmeConfig, wanted: readonly string[]): Promise<void>
  /** Resolves once `is` holds; looked at with each certificate and each failure. */
  until(is: () => boolean): Promise<void>
}

/** All of src/acme without lb around it. */
export function keeper(t: Test, deps: Partial<AcmeNamesDeps> = {}): Keeper {
  const log = memoryLogger()
  let wake = () => {}
  const names = new AcmeNames({
    clock: systemClock,
    random: seededRandom(1),
    log,
    challenges: Challenges.create(false),
    onCertificate: () => wake(),
    onOrder: () => wake(),
    may: async () => true,
    pace: { firstMs: 50, longestMs: 500 },
    ...deps
  })
  t.teardown(() => names.close())
  return {
    names,
    lines: log.lines,
    async begin(config, wanted) {
      await names.prepare(config, wanted)
      names.start(new Set(wanted))
    },
    async until(is) {
      // What waits by the clock holds the process open no longer than the test.
      const alive = setInterval(() => wake(), 100)
      while (!is()) await new Promise<void>((resolve) => (wake = resolve))
      clearInterval(alive)
    }
  }
}

export function acmeConfig(pebble: Pebble, storage: string, more: Partial<AcmeConfig> = {}): AcmeConfig {
  return {
    authorities: [{ name: 'pebble', url: pebble.url, ca: pebble.ca }],
    challenge: 'http-01',
    storage,
    ...more
  }
}

/** What of a listener concerns http-01. */
export async function serveTokens(t: Test, challenges: Challenges, port: number): Promise<void> {
  const server = createServer((request, response) => {
    const token = /^\/\.well-known\/acme-challenge\/(.*)$/.exec(request.url ?? '')?.[1]
    const answer = token === undefined ? undefined : challenges.keyAuthorization(token)
    if (answer === undefined) response.writeHead(404)
    response.end(answer)
  }).listen(port, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
}
