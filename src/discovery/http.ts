import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { request } from 'undici'
import type { BackendConfig, HttpDiscovery } from '../config/model/model.ts'
import { readBackendList } from '../config/backend-list.ts'
import { maskedUrl } from '../config/secrets/secret-places.ts'
import { boundedText } from './bounded-text.ts'
import { Poller } from './poller.ts'
import type { Source, SourceDeps } from './source.ts'

/** Fetches the list from a URL, conditionally (ETag, Last-Modified): a 304 costs next to nothing. */
export function httpSource(config: HttpDiscovery, deps: SourceDeps): Source {
  const shown = maskedUrl(config.url)
  let etag: string | undefined
  let lastModified: string | undefined
  let known: readonly BackendConfig[] | undefined
  const ask = async (signal: AbortSignal): Promise<number> => {
    const response = await request(config.url, {
      signal,
      headers: {
        accept: 'application/json, application/yaml',
        'accept-encoding': 'gzip',
        ...config.headers,
        ...(etag !== undefined && { 'if-none-match': etag }),
        ...(lastModified !== undefined && { 'if-modified-since': lastModified })
      }
    })
    if (response.statusCode === 304) {
      await response.body.dump()
      if (known === undefined) throw new Error('status 304, and it has not answered before')
      deps.found(known)
      return config.intervalMs
    }
    if (response.statusCode !== 200) {
      await response.body.dump()
      throw new Error(`status ${response.statusCode}`)
    }
    const list = readBackendList(
      await boundedText(decoded(response.body, single(response.headers['content-encoding']))),
      shown
    )
    if (typeof list === 'string') throw new Error(list)
    deps.found(list)
    known = list
    etag = single(response.headers['etag'])
    lastModified = single(response.headers['last-modified'])
    return config.intervalMs
  }
  // One that fails is not asked more rarely than one that answers.
  const poller = new Poller(deps, ask, { mostMs: config.intervalMs })
  return { label: `http ${shown}`, close: () => poller.close() }
}

/** Some servers encode what they have, whatever was asked for. */
const decoders = new Map<string, () => NodeJS.ReadWriteStream & Readable>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
  ['zstd', createZstdDecompress]
])

/** Throws where the encoding is unknown. */
function decoded(body: Readable, encoding = 'identity'): Readable {
  const name = encoding.trim().toLowerCase()
  if (name === 'identity' || name === '') return body
  const make = decoders.get(name)
  if (make === undefined) {
    body.destroy()
    throw new Error(`an answer with the content encoding "${name.slice(0, 40)}"`)
  }
  const decoder = make()
  body.on('error', (error) => decoder.destroy(error))
  // Whoever reads no further has had enough.
  decoder.on('close', () => body.destroy())
  return body.pipe(decoder)
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
