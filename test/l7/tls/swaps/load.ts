/** Shakes hands as often as it can until it is told to end; every second connection resumes the session of an earlier one. */
import { connect, type TLSSocket } from 'node:tls'

export interface Shaken {
  /** Wall clock at the beginning. */
  readonly began: number
  /** SHA-256 of the certificate; of a resumed session undefined. */
  readonly shown?: string
  /** A session was offered; it was taken. */
  readonly offered: boolean
  readonly resumed: boolean
  readonly error?: string
}

const { port, connections } = JSON.parse(process.argv[2]!) as { port: number; connections: number }
let stopped = false
let session: Buffer | undefined

function shake(offered: Buffer | undefined): Promise<Shaken> {
  const began = Date.now()
  return new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false }
    const socket: TLSSocket = connect(offered === undefined ? options : { ...options, session: offered })
    let over = false
    const done = (error?: Error): void => {
      if (over) return
      over = true
      const resumed = error === undefined && socket.isSessionReused()
      const shown = error === undefined && !resumed ? socket.getPeerCertificate().fingerprint256 : undefined
      socket.destroy()
      resolve({
        ...{ began, offered: offered !== undefined, resumed },
        ...(shown !== undefined && { shown }),
        ...(error !== undefined && { error: error.message })
      })
    }
    socket.once('error', done)
    socket.once('close', () => done(new Error('closed')))
    socket.on('session', (fresh) => (session = fresh))
    // An answer: tickets of TLS 1.3 come with or before it.
    socket.once('data', () => done())
    socket.once('secureConnect', () =>
      socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
    )
  })
}

process.on('message', () => (stopped = true))
await Promise.all(
  Array.from({ length: connections }, async (_, at) => {
    for (let n = at; !stopped; n++) process.send!(await shake(n % 2 === 0 ? session : undefined))
  })
)
process.disconnect()
