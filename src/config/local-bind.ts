import { BlockList, isIP } from 'node:net'
import type { AddressBind } from './model/bind.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether only this machine can reach the address: loopback, or a unix socket (protected by file permissions). */
export function isLocalBind(bind: AddressBind): boolean {
  if (bind.kind === 'unix') return true
  const host = bind.host.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  // BlockList also recognises IPv4-mapped addresses (::ffff:127.0.0.1).
  if (family !== 0) return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
  return host.toLowerCase() === 'localhost'
}
