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
      'Which of `caches` it uses.'
    ),
    defaultTtl: lifetime({ example: '60s' })
      .optional()
      .describe('How long a response lives that says nothing about it; left out: `heuristic` decides.'),
    maxTtl: lifetime({ example: '1d' }).optional().describe('No response lives longer, whatever it says.'),
    heuristic: percent({ example: '10%' })
      .prefault(defaults.cache.heuristic)
      .describe(
        'Life of a response that says nothing, as a share of its age since Last-Modified (RFC 9111 §4.2.2); 0%: none.'
      ),
    negativeTtl: negativeTtl()
      .prefault({})
      .describe('Status and how long it is kept when the response says nothing: `{ 404: 10s }`.'),
    key: mapping({
      ignoreQuery: listOf(text('the name of a query parameter', { max: 256 }), { max: 1000 })
        .prefault([])
        .describe('Query parameters that make no difference; a trailing `*` is any rest of the name.'),
      sortQuery: flag()
        .prefault(defaults.cache.sortQuery)
        .describe('Whether the order of parameters makes no difference.'),
      headers: listOf(fieldName(), { max: 100 })
        .prefault([])
        .describe('Request fields that are part of the key.'),
      cookies: listOf(text('the name of a cookie', { max: 128 }), { max: 100 })
        .prefault([])
        .describe('Cookies that are part of the key.')
    })
      .prefault({})
      .describe('What tells entries apart, besides method, scheme, host, path and query.'),
    coalesce: flag()
      .prefault(defaults.cache.coalesce)
      .describe('Many requests for one missing entry make one request to a backend.'),
    setCookie: word(['explicit', 'shared', 'never'])
      .prefault(defaults.cache.setCookie)
      .describe(
        'Which responses are stored with their Set-Cookie, so that everybody gets the cookie: `shared` those that say public, s-maxage or CDN-Cache-Control, `explicit` also those that only give a lifetime, or none.'
      ),
    staleWhileRevalidate: lifetime({ example: '30s' })
      .prefault(defaults.cache.staleWhileRevalidate)
      .describe(
        'A stale entry is served this long while a fresh one is fetched, where the response does not say.'
      ),
    staleIfError: lifetime({ example: '5m' })
      .prefault(defaults.cache.staleIfError)
      .describe('A stale entry is served this long when backends fail, where the response does not say.')
  },
  {
    lone: firstOf(
      loneText('defaultTtl', /^\d/),
      loneText('store'),
      loneTrue('name one of `caches`: { store: NAME }')
    )
  }
)

export type CacheInput = z.output<typeof cacheSchema>
