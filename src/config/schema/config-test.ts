import { isIP } from 'node:net'
import { z } from 'zod'
import { listOf, mapping } from './leaf/leaf.ts'
import type { LeafIssue } from './leaf/leaf.ts'
import { integer, off, text } from './leaf/leaves.ts'
import { firstOf, loneNumber, loneText } from './leaf/lone.ts'
import { fieldName, fieldValue, method } from './leaf/network-leaves.ts'

function address() {
  return text('an IP address such as 203.0.113.7', {
    max: 64,
    reject: (value) => (isIP(value) === 0 ? `"${value}" is not an IP address` : undefined)
  })
}

const LINE = /^(?:(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+)?(https?:\/\/\S+|\/\S*)$/i

/** A URL, a path, or either behind a method as in a request line, or a call of curl: as the keys of `request`. */
function keysOfLine(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : ''
  const [, method, target] = LINE.exec(text) ?? []
  const url = target ?? /https?:\/\/\S+/i.exec(text)?.[0]
  if (url === undefined) return undefined
  const whole = JSON.stringify(url.startsWith('/') ? `https://example.com${url}` : url)
  return method === undefined ? `{ url: ${whole} }` : `{ method: ${method.toUpperCase()}, url: ${whole} }`
}

function cureOfLine(value: unknown): string | undefined {
  const keys = keysOfLine(value)
  return keys === undefined ? undefined : `did you mean ${keys}?`
}

const certificate = mapping(
  {
    subject: text('a subject such as CN=alice,O=Example', { max: 1024 }).optional().describe('Its subject.'),
    names: listOf(text('a name such as DNS:alice.example', { max: 1024 }), { max: 100 })
      .prefault([])
      .describe('Its subject alternative names: `DNS:…`, `email:…`, `URI:…`, `IP:…`.'),
    fingerprint: text('a SHA-256 fingerprint of 64 hex digits', {
      max: 128,
      reject: (value) =>
        /^[0-9a-f]{64}$/i.test(value.replaceAll(':', '')) ? undefined : 'a fingerprint has 64 hex digits'
    })
      .optional()
      .describe('Its SHA-256 fingerprint.')
  },
  { example: '{ subject: "CN=alice" }', lone: loneText('subject') }
)

const request = mapping(
  {
    url: text('a URL such as "https://example.com/api"', {
      max: 8192,
      reject: (value) =>
        /^https?:\/\/[^/?]+/i.test(value)
          ? undefined
          : LINE.exec(value)?.[1] !== undefined
            ? `the method is a key of its own: ${keysOfLine(value)}`
            : `"${value}" is not an absolute http or https URL; write "https://example.com${value.startsWith('/') ? value : `/${value}`}"`
    }).describe('URL of the request; its scheme and port choose the listener.'),
    method: method().prefault('GET').describe('Method of the request.'),
    headers: z
      .record(fieldName(), fieldValue())
      .prefault({})
      .describe('Fields of the request; Host replaces that of the URL.'),
    client: address().prefault('203.0.113.1').describe('Address of the client.'),
    listener: text('the name of a listener', { max: 64 })
      .optional()
      .describe('Listener that gets it; left out: chosen by the URL.'),
    certificate: certificate
      .optional()
      .describe('Certificate that the client shows, taken for verified; the listener has `tls.clientAuth`.')
  },
  {
    example: '{ url: "https://example.com/" }',
    lone: cureOfLine,
    elsewhere: Object.fromEntries([
      ...['path', 'uri', 'target', 'host', 'hostname', 'scheme', 'port', 'query'].map((key) => [
        key,
        'is a part of `url`: { url: "https://example.com/path?query" }'
      ]),
      ...['expect', 'status', 'route', 'pool'].map((key) => [key, 'belongs beside `request`, under `expect`'])
    ])
  }
)

const expectation = mapping(
  {
    route: text('the name of a route', { max: 128 })
      .optional()
      .describe('Route that matches; `none`: no route does.'),
    pool: text('the name of a pool', { max: 64 }).optional().describe('Pool that gets the request.'),
    status: integer(100, 599)
      .optional()
      .describe('Status of an answer that lb makes: a refusal, a redirect, `respond`.'),
    location: text('a URL', { max: 8192 }).optional().describe('Target of a redirect.'),
    forwards: text('a path such as /users?id=1', { max: 8192 })
      .optional()
      .describe('Path and query that the backend gets.'),
    sends: z
      .record(fieldName(), z.union([off(), fieldValue()]))
      .optional()
      .describe('Fields that the backend gets; `"*"`: any value; `false`: it must not get the field.'),
    cacheKey: text('a part of a cache key', { max: 8192 })
      .optional()
      .describe('Part of the cache key; `none`: the cache is not used.'),
    notes: listOf(text('a part of a sentence', { max: 1024 }), { max: 20 })
      .optional()
      .describe('Parts of the notes of stages, as `lb explain` prints them.')
  },
  { example: '{ route: api, status: 401 }', lone: firstOf(loneNumber('status'), loneText('route')) }
).superRefine((expected, context) => {
  if (Object.keys(expected).length > 0) return
  const sentence = 'nothing is expected, so nothing is tested: write at least `route` or `status`'
  const params: LeafIssue = { leaf: true, expected: 'an expectation', sentence }
  context.addIssue({ code: 'custom', message: sentence, params: { ...params } })
})

export const configTest = mapping(
  {
    name: text('a sentence', { max: 200 })
      .optional()
      .describe('Name to show when it fails; left out: method and URL.'),
    request: request.describe('The request.'),
    expect: expectation.describe('Expected result; what is left out is not checked.')
  },
  {
    example: '{ request: { url: "https://example.com/" }, expect: { route: site } }',
    lone: (value) => {
      const keys = keysOfLine(value)
      return keys === undefined ? undefined : `did you mean { request: ${keys}, expect: { … } }?`
    },
    elsewhere: {
      ...Object.fromEntries(
        ['url', 'method', 'headers', 'client'].map((key) => [
          key,
          `belongs under \`request\`: { request: { ${key}: … } }`
        ])
      ),
      ...Object.fromEntries(
        ['status', 'route', 'pool', 'location'].map((key) => [
          key,
          `belongs under \`expect\`: { expect: { ${key}: … } }`
        ])
      )
    }
  }
)

export type ConfigTestInput = z.output<typeof configTest>
