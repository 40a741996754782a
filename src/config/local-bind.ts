import { BlockList, isIP } from 'node:net'
import type { AddressBind } from './model/bind.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Only this machine can reach it: a loopback address, or a unix socket (which file permissions guard). */
export function isLocalBind(bind: AddressBind): boolean {
  if (bind.kind === 'unix') return true
  const host = bind.host.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  // BlockList also takes IPv4-mapped addresses (::ffff:127.0.0.1) for what they are.
  if (family !== 0) return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
  return host.toLowerCase() === 'localhost'
}
