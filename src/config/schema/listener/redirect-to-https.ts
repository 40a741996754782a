import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { mapping } from '../leaf/leaf.ts'
import { flag, integer } from '../leaf/leaves.ts'
import { firstOf, loneNumber } from '../leaf/lone.ts'

const OTHER_REDIRECT =
  'it is always the same address with https, by a 308; another is a route: `redirect: { to: "https://{host}{path}{query}", status: 301 }`'

function toHttpsMeant(value: unknown): string | undefined {
  if (value === 443) return 'write true'
  const status = typeof value === 'number' && value >= 300 && value < 400
  if (status || (typeof value === 'string' && /[/{.]|^30\d$/.test(value)))
    return `write true; ${OTHER_REDIRECT}`
  return undefined
}

/** `redirectToHttps` of a listener. */
export function redirectToHttps() {
  return z
    .union([
      flag(),
      mapping(
        { port: integer(1, 65_535).prefault(443).describe('Port of HTTPS.') },
        {
          lone: firstOf(toHttpsMeant, loneNumber('port')),
          unknown: (key) =>
            /^(?:status|code|permanent|to|target|scheme|host|url)$/i.test(key)
              ? `; ${OTHER_REDIRECT}`
              : /^(?:except|exclude|skip|ignore|paths|bypass|unless)$/i.test(key)
                ? '; what is not to be redirected is a route of the listener: `routes: [{ match: { pathPrefix: /.well-known/ }, pool: web }]`'
                : undefined
        }
      )
    ])
    .prefault(defaults.listener.redirectToHttps)
    .describe(
      'In clear text: redirects requests that match no route to HTTPS, with a 308. Requests that a proxy of `trustedProxies` received over HTTPS (X-Forwarded-Proto) go to `pool` instead.'
    )
}
