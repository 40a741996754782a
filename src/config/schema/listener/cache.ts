import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { listOf, mapping } from '../leaf/leaf.ts'
import { flag, lifetime, percent, text, word } from '../leaf/leaves.ts'
import { firstOf, loneText, loneTrue } from '../leaf/lone.ts'
import { fieldName } from '../leaf/network-leaves.ts'

function negativeTtl() {
  return z.record(
    text('a status such as 404', {
      reject: (value) => (/^[1-5]\d\d$/.test(value) ? undefined : `"${value}" is not a status`)
    }),
    lifetime({ example: '10s' })
  )
}

export const cacheSchema = mapping(
  {
    store: text('the name of a cache', { max: 64, json: { title: 'cache' } }).describe(
      'Name of one of `caches`.'
    ),
    defaultTtl: lifetime({ example: '60s' })
      .optional()
      .describe('Lifetime of a response that gives none; left out: `heuristic` decides.'),
    maxTtl: lifetime({ example: '1d' }).optional().describe('No response lives longer, whatever it says.'),
    heuristic: percent({ example: '10%' })
      .prefault(defaults.cache.heuristic)
      .describe(
        'Lifetime of a response that gives none, as a share of its age since Last-Modified (RFC 9111 §4.2.2); 0%: none.'
      ),
    negativeTtl: negativeTtl()
      .prefault({})
      .describe('Lifetime by status, for responses that give none: `{ 404: 10s }`.'),
    key: mapping({
      ignoreQuery: listOf(text('the name of a query parameter', { max: 256 }), { max: 1000 })
        .prefault([])
        .describe('Query parameters to ignore; a trailing `*` is any rest of the name.'),
      sortQuery: flag().prefault(defaults.cache.sortQuery).describe('Ignore the order of parameters.'),
      headers: listOf(fieldName(), { max: 100 })
        .prefault([])
        .describe('Request fields that are part of the key.'),
      cookies: listOf(text('the name of a cookie', { max: 128 }), { max: 100 })
        .prefault([])
        .describe('Cookies that are part of the key.')
    })
      .prefault({})
      .describe('Parts of the cache key besides method, scheme, host, path and query.'),
    coalesce: flag()
      .prefault(defaults.cache.coalesce)
      .describe('Send one request to a backend for many requests for the same missing entry.'),
    setCookie: word(['explicit', 'shared', 'never'])
      .prefault(defaults.cache.setCookie)
      .describe(
        'Which responses are stored with their Set-Cookie, so that all clients get the cookie: `shared`: those with public, s-maxage or CDN-Cache-Control; `explicit`: also those that only give a lifetime; `never`: none.'
      ),
    staleWhileRevalidate: lifetime({ example: '30s' })
      .prefault(defaults.cache.staleWhileRevalidate)
      .describe(
        'How long a stale entry is served while a fresh one is fetched, if the response does not say.'
      ),
    staleIfError: lifetime({ example: '5m' })
      .prefault(defaults.cache.staleIfError)
      .describe('How long a stale entry is served when backends fail, if the response does not say.')
  },
  {
    lone: firstOf(
      loneText('defaultTtl', /^\d/),
      (value) => (typeof value === 'number' ? 'did you mean { defaultTtl: "@s" }?' : undefined),
      loneText('store'),
      loneTrue('name one of `caches`: { store: NAME }')
    )
  }
)

export type CacheInput = z.output<typeof cacheSchema>
