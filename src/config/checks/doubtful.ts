import { numberOf, textOf } from '../environment/env-text.ts'
import { type Finding, type Path, warningAt } from '../report/problem.ts'
import { isMap, type Raw, select } from '../raw.ts'
import { durationText } from '../../core/duration-text.ts'
import { parseDuration, parseSize, sizeText } from '../units.ts'
import { defaults } from '../defaults.ts'
import { foreignEdits, nobodyAllowed, prefixNeverThere, wholeCookies } from './habits.ts'

/** Warns of settings that are valid but seldom intended. */
export function checkDoubtful(root: Raw): Finding[] {
  return [
    ...probesThatOverlap(root),
    ...trustInEverybody(root),
    ...bodiesNotSent(root),
    ...backendsEverywhere(root),
    ...ownBackends(root),
    ...objectsTooLarge(root),
    ...foreignEdits(root),
    ...nobodyAllowed(root),
    ...wholeCookies(root),
    ...prefixNeverThere(root)
  ]
}

function* probesThatOverlap(root: Raw): Generator<Finding> {
  for (const { path, value: health } of select(root, ['pools', '*', 'health'])) {
    if (!isMap(health)) continue
    const timeout = parseDuration(textOf(health['timeout']) ?? '')
    const interval = parseDuration(textOf(health['interval']) ?? defaults.probe.interval)
    if (timeout === undefined || interval === undefined || timeout <= interval) continue
    const message = `a probe may take ${durationText(timeout)}, longer than the interval of ${durationText(interval)}: a backend that hangs is probed less often than it says; make it shorter`
    yield warningAt([...path, 'timeout'], message)
  }
}

/** One response may take about a fifth of a cache; the rest of it is then not pushed out at once. */
const LARGEST_SHARE = 5

function* objectsTooLarge(root: Raw): Generator<Finding> {
  for (const { path, value: cache } of select(root, ['caches', '*'])) {
    if (!isMap(cache)) continue
    const written = textOf(cache['maxObjectBytes'])
    const object = parseSize(written ?? '')
    const most = parseSize(textOf(cache['maxBytes']) ?? defaults.cache.maxBytes)
    if (object === undefined || most === undefined || object * LARGEST_SHARE <= most) continue
    const unit = most >= 50 * 1024 ** 2 ? 1024 ** 2 : 1024
    const fits = Math.floor(most / LARGEST_SHARE / unit) * unit
    const message = `one response may take a fifth of maxBytes, so those longer than about ${sizeText(fits)} are not stored; make maxBytes five times as large`
    yield warningAt([...path, 'maxObjectBytes'], message)
  }
}

const TRUST: readonly { readonly pattern: Path; readonly what: string }[] = [
  {
    pattern: ['listeners', '*', 'trustedProxies', '*'],
    what: 'any client can claim any address with X-Forwarded-For'
  },
  {
    pattern: ['listeners', '*', 'proxyProtocol', 'trusted', '*'],
    what: 'any peer can claim any address in a PROXY header'
  }
]

function* trustInEverybody(root: Raw): Generator<Finding> {
  for (const { pattern, what } of TRUST) {
    for (const { path, value } of select(root, pattern)) {
      if (!/\/0+$/.test(textOf(value) ?? '')) continue
      yield warningAt(path, `this is every network: ${what}; name the networks of the proxies before lb`)
    }
  }
}

/** An address to listen on, which Linux takes for this machine's. */
function* backendsEverywhere(root: Raw): Generator<Finding> {
  for (const { path, value } of select(root, ['pools', '*', 'backends', '*'])) {
    const written = textOf((isMap(value) ? value['address'] : value) as Raw) ?? ''
    const everywhere = /^(?:0\.0\.0\.0|\[::\])(:\d+)$/.exec(written)
    if (everywhere === null) continue
    const message = `${written} is every address of a machine, which only a listener can have; for a server on this machine write "127.0.0.1${everywhere[1]}"`
    yield warningAt(isMap(value) ? [...path, 'address'] : path, message)
  }
}

/** A listener of mode l7 whose every request goes to a pool that is the listener itself: each is answered 508. */
function* ownBackends(root: Raw): Generator<Finding> {
  for (const { value: listener } of select(root, ['listeners', '*'])) {
    if (!isMap(listener) || textOf(listener['mode']) !== 'l7' || listener['routes'] !== undefined) continue
    const ports = [...select(listener, ['bind', '*'])].map(
      ({ value }) => /:(\d+)$/.exec(textOf(value) ?? '')?.[1]
    )
    for (const { path, value } of select(root, ['pools', textOf(listener['pool']) ?? '', 'backends', '*'])) {
      const written = textOf((isMap(value) ? value['address'] : value) as Raw) ?? ''
      const own = /^(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)$/i.exec(written)
      if (own === null || !ports.includes(own[1])) continue
      yield warningAt(
        path,
        `${written} is the listener itself: every request would come back and be answered 508; write the port of the server`
      )
    }
  }
}

/** RFC 9110 §15.3.5 and §15.4.5. */
const WITHOUT_BODY: readonly number[] = [204, 205, 304]

function* bodiesNotSent(root: Raw): Generator<Finding> {
  for (const { path, value: respond } of select(root, ['listeners', '*', 'routes', '*', 'respond'])) {
    if (!isMap(respond)) continue
    const status = numberOf(respond['status'])
    const body = textOf(respond['body'])
    if (status === undefined || !WITHOUT_BODY.includes(status) || body === undefined || body === '') continue
    yield warningAt(
      [...path, 'body'],
      `an answer with ${status} has no body; take it out, or answer with 200`,
      'key'
    )
  }
}
