import { createHash } from 'node:crypto'
import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream
} from 'node:http2'
import { bytesOf, fieldPairs, isForged, pause, type GoAway, type Plan } from '../plan.ts'
import type { OriginHost } from './origin.ts'
import { Upload } from './upload.ts'

interface Kept {
  /** Requests that were answered. */
  served: number
  /** The last stream that came, which is the last one that GOAWAY promises. */
  last: number
  /** What GOAWAY has said of it: those behind it are not carried out. */
  promised: number
}

/** A backend that speaks HTTP/2, and does with each request what its plan says. */
export function serveHttp2(server: Http2Server, host: OriginHost): void {
  server.updateSettings({ enableConnectProtocol: true })
  const kept = new WeakMap<ServerHttp2Session, Kept>()
  server.on('sessionError', () => {})
  server.on('session', (session: ServerHttp2Session) => {
    session.on('error', () => {})
    kept.set(session, { served: 0, last: 0, promised: Infinity })
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    if (stream.destroyed) return
    if (headers[':method'] === 'CONNECT') {
      stream.respond({ ':status': 200 })
      return void stream.pipe(stream)
    }
    const plan = JSON.parse(String(headers['x-plan'])) as Plan
    const lines = Object.entries(headers).map(([name, value]) => `\r\n${name}: ${String(value)}\r\n`)
    if (isForged(plan, lines.join(''))) host.onWrong(`forged fields: ${lines.join('')}`)
    const of = kept.get(stream.session as ServerHttp2Session) ?? { served: 0, last: 0, promised: Infinity }
    const isRefused = goAway(stream, of, plan, 'asked')
    of.last = stream.id!
    if (isRefused || of.last > of.promised) return void stream.close(constants.NGHTTP2_REFUSED_STREAM)
    serve(
      stream,
      plan,
      of,
      host,
      new Upload(headers['content-encoding'], headers['x-turned-upload'] !== undefined)
    )
  })
}

function serve(stream: ServerHttp2Stream, plan: Plan, kept: Kept, host: OriginHost, upload: Upload): void {
  let trail: unknown
  stream.on('trailers', (fields: IncomingHttpHeaders) => (trail = fields['x-trail']))
  const closes = plan.closesKept && kept.served > 0
  const giveUp = (): boolean => {
    if (!closes || upload.received < Math.min(plan.closesAfter, plan.upload)) return false
    if (plan.closesAfter === 0) stream.close(constants.NGHTTP2_REFUSED_STREAM)
    else if (plan.closesAfter === 1) stream.destroy(new Error('given up'))
    else stream.session?.destroy()
    return true
  }
  if (giveUp()) return
  if (plan.early && plan.upload > 0) return void answer(stream, plan, kept, host)
  stream.on('data', (bytes: Buffer) => {
    upload.add(bytes)
    if (!giveUp() && upload.received > plan.upload / 2) goAway(stream, kept, plan, 'uploading')
  })
  stream.on('end', () => {
    // 'end' comes after a reset too.
    if (stream.aborted || stream.destroyed || stream.rstCode !== 0) return
    const meant = plan.trails && plan.upload > 0 && plan.chunkedUpload ? plan.id : undefined
    if (trail !== meant && (host.trailed || trail !== undefined))
      host.onWrong(`trailers ${String(trail)} of ${JSON.stringify(plan)}`)
    host.onComplete(plan, upload.end())
    if (!plan.hangs) void answer(stream, plan, kept, host)
  })
}

async function answer(
  stream: ServerHttp2Stream,
  plan: Plan,
  kept: Kept,
  { name, awake }: OriginHost
): Promise<void> {
  kept.served++
  await awake()
  if (stream.destroyed) return
  const bodiless = plan.status === 204 || plan.status === 304
  const body = bodiless ? Buffer.alloc(0) : bytesOf(plan.id, plan.size)
  for (let i = 0; i < plan.interim; i++) {
    stream.additionalHeaders({ ':status': 103, link: '</a>' })
    if (plan.drip > 0) await pause(plan.drip)
    if (stream.destroyed) return
  }
  if (stream.destroyed) return
  const empty = bodiless || plan.method === 'HEAD'
  stream.respond(
    { ...headersOf(plan, bodiless, body.length), 'x-origin': name },
    {
      endStream: empty && !plan.grpc,
      waitForTrailers: plan.grpc
    }
  )
  stream.on('wantTrailers', () =>
    stream.sendTrailers({ 'grpc-status': '0', 'x-hash': createHash('sha256').update(body).digest('hex') })
  ) // prettier-ignore
  if (!empty) {
    const middle = body.length >> 1
    goAway(stream, kept, plan, 'answering')
    if (middle > 0) stream.write(body.subarray(0, middle))
    if (plan.drip > 0) await pause(plan.drip)
    // close() would end the body first.
    if (plan.cuts && body.length > 0) return void stream.destroy(new Error('cut'))
    stream.end(body.subarray(middle))
  } else if (plan.grpc) stream.end()
  goAway(stream, kept, plan, 'answered')
  if (plan.closesAfterwards) stream.session?.close()
}

/** True where it says that the request is not carried out, which has to be so. */
function goAway(
  { session, id }: ServerHttp2Stream,
  kept: Kept,
  { goesAway }: Plan,
  when: GoAway['when']
): boolean {
  if (goesAway?.when !== when || session === undefined || session.destroyed) return false
  const refuses = goesAway.refuses && when === 'asked'
  // No later one than came: Node reads no more of a connection that has gone away and has no stream.
  const last = refuses ? kept.last : Math.max(kept.last, id!)
  kept.promised = last
  session.goaway(goesAway.error ? constants.NGHTTP2_ENHANCE_YOUR_CALM : constants.NGHTTP2_NO_ERROR, last)
  return refuses
}

function headersOf(plan: Plan, bodiless: boolean, size: number): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    ':status': plan.grpc ? 200 : plan.status,
    'x-id': plan.id,
    'x-size': size,
    'content-type': plan.grpc ? 'application/grpc' : 'text/plain',
    etag: `"${plan.id}"`
  }
  for (const [name, value] of fieldPairs(plan.answerFields)) headers[name.toLowerCase()] = value
  if (plan.cacheControl !== '') headers['cache-control'] = plan.cacheControl
  if (!bodiless && plan.framing === 'length' && !plan.grpc) headers['content-length'] = size
  return headers
}
