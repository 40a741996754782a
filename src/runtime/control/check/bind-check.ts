import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { Bind } from '../../../config/model/bind.ts'

const IN_USE = 'the address is in use now: by this lb, or by another program'

/** Why an address can most likely not be bound, found out without binding it; undefined when no reason is known. */
export function whyNotBindable({ host, port }: Extract<Bind, { kind: 'tcp' }>): string | undefined {
  if (!isOurs(host)) return 'this machine has no such address'
  if (port === 0) return undefined
  if (port < firstOpenPort() && process.getuid?.() !== 0 && !mayBindLow())
    return `ports below ${firstOpenPort()} need root (then \`user:\` drops it) or the capability CAP_NET_BIND_SERVICE`
  return isListening(host, port) ? IN_USE : undefined
}

/** Says that a program listens on a unix socket; undefined: none does, or it cannot be told. */
export function whyNotFree(path: string): string | undefined {
  // Flag 0x10000 of proc(5) net/unix: it accepts connections. The path is what stands behind the seventh field.
  const listening = /^\w+: \w+ \w+ 00010000 \w+ \w+ +\d+ (.*)$/gm
  for (const [, bound] of (readSystem('/proc/net/unix') ?? '').matchAll(listening))
    if (bound === path) return IN_USE
  return undefined
}

/** Whether this machine has the address, or it cannot be told. */
export function isOurs(host: string): boolean {
  if (host === '0.0.0.0' || host === '::' || host.startsWith('127.') || host === '::1' || host.includes('%'))
    return true
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  // An address with a zone cannot be compared as text: unknown cases are not reported.
  return addresses.length === 0 || addresses.some(({ address }) => address === host) || host.includes(':')
}

function firstOpenPort(): number {
  return Number(readSystem('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? 1024)
}

/** CAP_NET_BIND_SERVICE is bit 10 (capabilities(7)). */
function mayBindLow(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readSystem('/proc/self/status') ?? '')?.[1]
  return effective === undefined || (BigInt(`0x${effective}`) & (1n << 10n)) !== 0n
}

const LISTEN = '0A'

/** From proc(5) net/tcp, without connecting. Only known on Linux. */
function isListening(host: string, port: number): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const table = readSystem(host.includes(':') ? '/proc/net/tcp6' : '/proc/net/tcp') ?? ''
  return table.split('\n').some((line) => {
    const [, local, , state] = line.trim().split(/\s+/)
    if (state !== LISTEN || local?.split(':')[1] !== wanted) return false
    const address = local.split(':')[0]!
    return (
      /^0+$/.test(address) ||
      host === '0.0.0.0' ||
      host === '::' ||
      host.includes(':') ||
      address === inHex(host)
    )
  })
}

/** `127.0.0.1` is 0100007F on a little-endian machine. */
function inHex(host: string): string {
  return host
    .split('.')
    .toReversed()
    .map((byte) => Number(byte).toString(16).toUpperCase().padStart(2, '0'))
    .join('')
}

function readSystem(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
