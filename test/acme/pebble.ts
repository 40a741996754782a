import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../free-port.ts'
import { makeAuthority, signedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'

const PROGRAMS = ['/usr/bin/pebble', '/usr/bin/pebble-challtestsrv']

/** For `t.test`: skips by name where the package is missing. */
export const noPebble = !PROGRAMS.every((path) => existsSync(path)) && 'pebble is not installed'

/** An account that pebble wants to be bound to, and its configuration for that. */
export const eab = { kid: 'kid-1', key: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }
export const eabOnly = {
  externalAccountBindingRequired: true,
  externalAccountMACKeys: { [eab.kid]: eab.key }
}

export interface Pebble {
  /** Of its directory. */
  readonly url: string
  /** Path of the PEM file that its HTTPS certificate is checked by. */
  readonly ca: string
  readonly httpPort: number
  readonly tlsPort: number
  /** URL of the management interface of its DNS. */
  readonly dns: string
  /** PEM of the root that it signs by. */
  root(): Promise<string>
  /** Orders that it has been asked for, by its log. */
  orders(): number
  log(): string
}

export interface PebbleOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly config?: object
}

/** An authority of its own on free ports, whose DNS answers 127.0.0.1 for every name; it ends with the test. */
export async function startPebble(t: Test, { env = {}, config = {} }: PebbleOptions = {}): Promise<Pebble> {
  // A test has but one testdir.
  const folder = mkdtempSync(join(tmpdir(), 'lb-pebble-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await makeAuthority('pebble of a test', Date.now())
  const pair = await signedCertificate(authority, ['localhost', '127.0.0.1'], Date.now())
  const at = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const ca = at('ca.pem', authority.certificate.cert)
  const [port, management, httpPort, tlsPort, dnsPort, dnsManagement] = await Promise.all(
    Array.from({ length: 6 }, () => freePort())
  )
  const file = at(
    'pebble.json',
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: at('cert.pem', pair.cert),
        privateKey: at('key.pem', pair.key),
        httpPort,
        tlsPort,
        ocspResponderURL: '',
        externalAccountBindingRequired: false,
        ...config
      }
    })
  )
  const dnsArguments = ['-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${dnsManagement}`]
  const none = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
  run(t, PROGRAMS[1]!, [...dnsArguments, ...none], {})
  const said = run(t, PROGRAMS[0]!, ['-config', file, '-dnsserver', `127.0.0.1:${dnsPort}`], {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: '0',
    ...env
  })
  await Promise.all([listens(port!), listens(management!), listens(dnsManagement!)])
  return {
    url: `https://127.0.0.1:${port}/dir`,
    ca,
    httpPort: httpPort!,
    tlsPort: tlsPort!,
    dns: `http://127.0.0.1:${dnsManagement}`,
    log: said,
    orders: () =>
      Math.max(
        0,
        ...[...said().matchAll(/There are now (\d+) orders in the db/g)].map(([, count]) => Number(count))
      ),
    async root() {
      const { Agent, request } = await import('undici')
      const dispatcher = new Agent({ connect: { ca: authority.certificate.cert } })
      const answer = await request(`https://127.0.0.1:${management}/roots/0`, { dispatcher })
      const text = await answer.body.text()
      await dispatcher.close()
      return text
    }
  }
}

function run(t: Test, program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const child: ChildProcess = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (part: Buffer) => (output += part.toString()))
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return () => output
}

async function listens(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const ok = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
