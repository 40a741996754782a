import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Something else than a Redis, where one should be. */
export class Occupant {
  readonly #server: Server
  readonly #open = new Set<Socket>()

  constructor(serve: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#open.add(socket)
      socket.on('error', () => {}).on('close', () => this.#open.delete(socket))
      serve(socket)
    })
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
  }
}

function answers(text: string | Buffer) {
  return (socket: Socket) => void socket.on('data', () => socket.write(text))
}

/** So many answers as commands came, about. */
function toEach(text: string) {
  return (socket: Socket) =>
    void socket.on('data', (data: Buffer) =>
      socket.write(text.repeat(data.toString('latin1').split('\r\n*').length))
    )
}

function flood(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write('x'.repeat(65_536)));
  }
  socket.on('drain', more).resume()
  more()
}

/** A Redis so far away. */
export function distant(path: string, ms: () => number) {
  return (socket: Socket) => {
    const to = connect(path)
    to.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.on('close', () => to.destroy())
    socket.on('data', (data: Buffer) => setTimeout(() => to.write(data), ms()))
    to.on('data', (data: Buffer) => void socket.write(data))
  }
}

export const strangers: Readonly<Record<string, (socket: Socket) => void>> = {
  garbage: answers(Buffer.from([0, 255, 10, 13, 36, 45, 49, 10, 1, 2, 3])),
  HTTP: (socket) =>
    void socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
  'one that says nothing': (socket) => void socket.resume(),
  'one that closes': (socket) => void socket.destroy(),
  'one that is full of clients': toEach('-ERR max number of clients reached\r\n'),
  'one that loads': toEach('-LOADING Redis is loading the dataset in memory\r\n'),
  'one that says OK to all': toEach('+OK\r\n'),
  'a reply of 2 GB': answers(`$2000000000\r\n${'x'.repeat(100_000)}`),
  'a flood': flood
}
