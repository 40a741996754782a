/**
 * A small TCP backend: `node examples/backends/tcp.ts <name> <port>`. It sends each line back with its name before it.
 */
import { createServer } from 'node:net'
import { announce } from './announce.ts'

const name = process.argv[2] ?? 't1'
const port = Number(process.argv[3] ?? 9101)
const maxLine = 64 * 1024

const server = createServer({ allowHalfOpen: true }, (socket) => {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('error', () => socket.destroy())
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > maxLine) socket.destroy()
    if (lines.length === 0) return
    const flowing = socket.write(lines.map((line) => `${name}: ${line.trimEnd()}\n`).join(''))
    if (!flowing) {
      socket.pause()
      socket.once('drain', () => socket.resume())
    }
  })
  socket.on('end', () => socket.end(rest === '' ? '' : `${name}: ${rest}\n`))
})

announce(server, name, port)
