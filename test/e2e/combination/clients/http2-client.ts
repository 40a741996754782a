import {
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders
} from 'node:http2'
import { bytesSent, cutsShort, fieldPairs, pause, type Plan } from '../plan.ts'
import { decoded, noAnswer, type Answer } from './answer.ts'

/** Sends `plans` over one HTTP/2 connection: each after the answer to the one before, or all at once. */
export async function askHttp2(
  session: ClientHttp2Session,
  plans: readonly Plan[],
  atOnce: boolean
): Promise<Answer[]> {
  session.on('error', () => {})
  const all: Answer[] = []
  try {
    if (atOnce) return (await Promise.all(plans.map((plan) => ask(session, plan)))).map(decoded)
    for (const plan of plans) {
      if (session.closed || session.destroyed) break
      all.push(decoded(await ask(session, plan)))
    }
    return all
  } finally {
    session.destroy()
  }
}

function ask(session: ClientHttp2Session, plan: Plan): Promise<Answer> {
  if (session.closed || session.destroyed) return Promise.resolve(noAnswer(plan))
  const stream = session.request(headersOf(plan), {
    endStream: plan.upload === 0,
    waitForTrailers: trails(plan)
  })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trail': plan.id }))
  const parts: Buffer[] = []
  let got: IncomingHttpHeaders | undefined
  let trailers: string | undefined
  let ended = false
  stream.on('error', () => {})
  stream.on('response', (headers) => {
    got = headers
    if (plan.leaves === 'reading') stream.destroy(new Error('leaves'))
  })
  stream.on('trailers', (fields) => (trailers = textOf(fields)))
  stream.on('data', (bytes: Buffer) => {
    parts.push(bytes)
    if (!plan.slowReader) return
    stream.pause()
    setTimeout(() => stream.resume(), 2)
  })
  stream.on('end', () => (ended = true))
  void send(stream, plan)
  return new Promise<Answer>((resolve) => {
    let read = -1
    let stillFor = 0
    // A reset without an error behind the whole answer closes the stream, but Node waits for what it could not write any more;
    // for one that was paused now and then it has no 'end' either. A slow reader has the end long after the stream is closed.
    const looks = setInterval(() => {
      stillFor = parts.length === read ? stillFor + 1 : 0
      read = parts.length
      if (stream.closed && (ended || stillFor > 40)) settle()
      else if (stillFor > 1_200) resolve({ ...noAnswer(plan), late: true })
    }, 50)
    stream.once('close', () => settle())
    const settle = (): void => {
      clearInterval(looks)
      if (got === undefined) return resolve(noAnswer(plan))
      // 'end' comes after a reset too.
      const whole = ended && stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted
      const status = Number(got[':status'])
      const head = `HTTP/2.0 ${status}\r\n${textOf(got)}\r\n`
      const answer = { plan, status, head, body: Buffer.concat(parts), whole }
      resolve(trailers === undefined ? answer : { ...answer, trailers })
    }
  })
}

/** Without a length that says where the body ends. */
function trails({ trails, upload, chunkedUpload }: Plan): boolean {
  return trails && upload > 0 && chunkedUpload
}

function headersOf(plan: Plan): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    ':method': plan.method,
    ':path': plan.path,
    ':authority': plan.host,
    'x-plan': JSON.stringify(plan)
  }
  for (const [name, value] of fieldPairs(plan.fields)) {
    const key = name.toLowerCase()
    const known = headers[key]
    headers[key] = known === undefined ? value : [...[known].flat(), value].map(String)
  }
  if (plan.upload > 0 && !plan.chunkedUpload) headers['content-length'] = bytesSent(plan).length
  if (plan.upload > 0 && plan.coding !== undefined) headers['content-encoding'] = plan.coding
  if (plan.upload > 0 && plan.expects) headers['expect'] = '100-continue'
  if (trails(plan)) headers['trailer'] = 'x-trail'
  if (plan.grpcWeb) headers['content-type'] = 'application/grpc-web+proto'
  else if (plan.grpc) Object.assign(headers, { 'content-type': 'application/grpc', te: 'trailers' })
  return headers
}

async function send(stream: ClientHttp2Stream, plan: Plan): Promise<void> {
  if (plan.upload > 0) await upload(stream, plan)
  if (plan.leaves !== 'waiting') return
  await pause(plan.leavesAfterMs)
  stream.destroy(new Error('leaves'))
}

async function upload(stream: ClientHttp2Stream, plan: Plan): Promise<void> {
  if (plan.expects) await pause(20)
  const body = bytesSent(plan)
  const piece = plan.piece > 0 && !cutsShort(plan) ? plan.piece : Math.max(1, Math.ceil(body.length / 10))
  for (let at = 0; at < body.length && !stream.destroyed; at += piece) {
    if (plan.piece === 0 || (at / piece) % 16 === 0) await pause(plan.pieceMs)
    if (plan.stalls && at >= body.length / 2) return
    // close() would end the body first.
    if (plan.leaves === 'sending' && at >= body.length / 2) return void stream.destroy(new Error('leaves'))
    stream.write(body.subarray(at, at + piece))
  }
  stream.end()
}

function textOf(fields: IncomingHttpHeaders): string {
  let text = ''
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(':')) continue
    for (const each of [value].flat()) text += `${name}: ${each}\r\n`
  }
  return text
}
