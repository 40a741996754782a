import { authorityUrl } from '../acme-authorities.ts'
import type { AcmeAuthority, AcmeConfig, ListenerAcme } from '../model/acme-model.ts'
import type { AcmeInput, ListenerAcmeInput } from '../schema/acme.ts'
import type { ResolvePath } from './paths.ts'

export function buildAcme(input: AcmeInput, absolute: ResolvePath): AcmeConfig {
  const { email, directory, challenge, hook, storage, profile } = input
  return {
    ...(email !== undefined && { email }),
    authorities: directory.map((each) => buildAuthority(each, absolute)),
    challenge,
    ...(hook !== undefined && challenge === 'dns-01' && { hook: program(hook, absolute) }),
    storage: storage === 'redis' ? storage : absolute(storage),
    ...(profile !== undefined && { profile })
  }
}

function buildAuthority(input: AcmeInput['directory'][number], absolute: ResolvePath): AcmeAuthority {
  const { url: written, ca, eab } = typeof input === 'string' ? { url: input } : input
  const url = authorityUrl(written)!
  return {
    name: written === url ? new URL(url).host : written,
    url,
    ...(ca !== undefined && { ca: absolute(ca) }),
    ...(eab !== undefined && { eab })
  }
}

/** A name without a slash is searched in PATH; one with a slash is relative to the configuration's directory. */
function program([first, ...args]: readonly string[], absolute: ResolvePath): string[] {
  return [first!.includes('/') ? absolute(first!) : first!, ...args]
}

export function buildListenerAcme({ domains = [], onDemand }: ListenerAcmeInput): ListenerAcme {
  return {
    domains: [...new Set(domains.map((name) => name.toLowerCase()))],
    ...(onDemand !== undefined && { onDemand: { ask: onDemand.ask, ratePerSecond: onDemand.rate } })
  }
}
