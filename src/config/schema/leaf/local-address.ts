import { isIP } from 'node:net'
import { textOf } from '../../environment/env-text.ts'
import { leaf, Refusal } from './leaf.ts'

/** An address of this machine, without a port. */
export function localAddress() {
  const json = { title: 'local address', type: 'string', examples: ['10.0.0.9', 'fd00::9'] }
  return leaf<string, string>('an IP address such as "10.0.0.9"', json, (input) => {
    const written = textOf(input)
    if (written === undefined || written === '') return new Refusal({})
    if (isIP(written) !== 0 && !written.includes('%')) return written
    return new Refusal({ cure: localAddressCure(written) })
  })
}

function localAddressCure(written: string): string | undefined {
  const bare = /^\[?([^\]]*?)\]?(?::\d+|\/\d+|\s.*)?$/.exec(written)?.[1] ?? ''
  if (isIP(bare) !== 0) return `write "${bare}" alone`
  if (/transparent|client|\$|\{/i.test(written))
    return "clients' addresses cannot be used; backends learn them by `proxyProtocol: v2` (L4) or X-Forwarded-For"
  return /^[a-z][\w.-]*$/i.test(written)
    ? 'a name is none; `ip addr` shows the addresses of interfaces'
    : undefined
}
