import { createSocket } from 'node:dgram'
import type { Duplex } from 'node:stream'
import type { Seeded } from '../../../http-battery/seeded.ts'
import { bytesOf, pause } from '../plan.ts'
import { dialHttp1, dialHttp2, isHttp2, leave, type ClientKind, type Doors } from './connect.ts'

/** A WebSocket that sends bytes and reads them back: undefined when it was not let in or was cut, else what is wrong or ''. */
export async function tunnel(
  kind: ClientKind,
  doors: Doors,
  id: string,
  seeded: Seeded
): Promise<string | undefined> {
  const opened = isHttp2(kind) ? await overHttp2(kind, doors) : await overHttp1(kind, doors)
  if (opened === undefined) return undefined
  if (opened === 'late') return `${kind}: no answer within a minute`
  const { stream, close } = opened
  const sent = bytesOf(id, seeded.of([1, 1_000, 65_536, 300_000]))
  let received = Buffer.alloc(0)
  let over = false
  stream.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])))
  // Half of one is left where the backend is gone.
  for (const event of ['end', 'close']) stream.on(event, () => (over = true))
  for (let at = 0; at < sent.length; at += 20_000) {
    stream.write(sent.subarray(at, at + 20_000))
    await pause(seeded.of([0, 0, 1]))
  }
  const late = Date.now() + 60_000
  while (received.length < sent.length && !over && Date.now() < late) await pause(2)
  close()
  if (!received.equals(sent.subarray(0, received.length))) return `${kind}: other bytes than were sent`
  if (received.length === sent.length) return ''
  return over ? undefined : `${kind}: ${received.length} of ${sent.length} bytes came back`
}

interface Opened {
  readonly stream: Duplex
  close(): void
}

async function overHttp1(kind: ClientKind, doors: Doors): Promise<Opened | 'late' | undefined> {
  const socket = dialHttp1(kind, doors)
  socket.write('GET /tunnel HTTP/1.1\r\nHost: lb.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n') // prettier-ignore
  const head = await new Promise<string>((resolve) => {
    let text = ''
    const read = (bytes: Buffer): void => {
      text += bytes.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      socket.off('data', read)
      resolve(text)
    }
    socket.on('data', read)
    socket.once('close', () => resolve(''))
    setTimeout(() => resolve('late'), 60_000).unref()
  })
  const close = (): void => void socket.destroy()
  if (head.startsWith('HTTP/1.1 101')) return { stream: socket, close }
  close()
  return head === 'late' ? 'late' : undefined
}

async function overHttp2(kind: ClientKind, doors: Doors): Promise<Opened | 'late' | undefined> {
  const session = dialHttp2(kind, doors)
  const close = (): void => leave(session)
  const open = await new Promise<boolean>((resolve) => {
    session.once('remoteSettings', () => resolve(true))
    session.once('close', () => resolve(false))
    setTimeout(() => resolve(false), 60_000).unref()
  })
  if (!open) return undefined
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/tunnel',
    ':authority': 'lb.test',
    'sec-websocket-version': '13'
  })
  stream.on('error', () => {})
  const status = await new Promise<number>((resolve) => {
    stream.once('response', (headers) => resolve(Number(headers[':status'])))
    stream.once('close', () => resolve(0))
    setTimeout(() => resolve(-1), 60_000).unref()
  })
  if (status === 200) return { stream, close }
  close()
  return status === -1 ? 'late' : undefined
}

/** Sends `count` datagrams, one after the other; says which were answered wrongly. */
export async function datagrams(port: number, id: string, count: number): Promise<readonly string[]> {
  const socket = createSocket('udp4')
  const wrong: string[] = []
  let next: (text: string | undefined) => void = () => {}
  socket.on('message', (bytes) => next(bytes.toString('latin1')))
  // None comes any more from one that has stopped.
  for (let n = 0, missing = 0; n < count && missing < 5; n++) {
    const text = bytesOf(`${id}-${n}`, 10 + ((n * 97) % 1_000)).toString('latin1')
    socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1')
    const answer = await new Promise<string | undefined>((resolve) => {
      next = resolve
      setTimeout(() => resolve(undefined), 500)
    })
    missing = answer === undefined ? missing + 1 : 0
    // One may be late, or lost with the worker that had it.
    if (answer !== undefined && answer !== `!${text}` && !answer.startsWith(`!${id}`)) wrong.push(`udp: ${answer}`)
  } // prettier-ignore
  socket.close()
  return wrong
}
