import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/free-port.ts'
import { findCommand } from '../harness/find-command.ts'
import type { Pins } from '../harness/pins.ts'
import { listening, type Processes, type Running } from '../harness/processes.ts'
import { SkipScenario } from '../scenarios/scenario.ts'
import { GRPC_PATH, grpcMessage } from './content.ts'
import { writeNginxOrigin } from './nginx-origin.ts'

export interface Origin {
  /** host:port of each address it serves. */
  readonly backends: readonly string[]
  readonly kind: 'nginx' | 'node'
}

/** Starts the servers behind the proxies. */
export class Origins {
  readonly #processes: Processes
  readonly #pins: Pins | undefined
  readonly #folder: string

  constructor(processes: Processes, pins: Pins | undefined, folder: string) {
    this.#processes = processes
    this.#pins = pins
    this.#folder = folder
  }

  /** nginx (or Node.js) on one port; `addresses` further ones on 127.0.x.y of that port (nginx only). */
  async http(addresses = 1, h2c = false): Promise<Origin> {
    const nginx = findCommand('nginx')
    const [witness] = await this.node(1)
    const witnessPort = Number(witness!.backend.split(':')[1])
    if (nginx === undefined && h2c) throw new SkipScenario('the origin is nginx: apt-get install nginx-light')
    if (nginx === undefined) return { backends: [witness!.backend], kind: 'node' }

    const port = await freePort()
    const backends = Array.from({ length: addresses }, (_, index) =>
      addresses === 1 ? `127.0.0.1:${port}` : `127.0.${1 + (index >> 7)}.${1 + (index & 127)}:${port}`
    )
    const folder = join(this.#folder, `origin-${port}`)
    mkdirSync(folder, { recursive: true })
    const binds = addresses === 1 ? backends : [`127.0.0.1:${port}`, ...backends]
    const file = writeNginxOrigin(folder, binds, witnessPort, h2c)
    const args = ['-p', folder, '-e', 'stderr', '-c', file]
    await listening(
      this.#processes.start({ name: 'nginx origin', command: nginx, args, cpus: this.#pins?.origin }),
      port
    )
    return { backends, kind: 'nginx' }
  }

  /** Writes a file for a load, and says where. */
  file(name: string, bytes: Buffer): string {
    const path = join(this.#folder, name)
    writeFileSync(path, bytes)
    return path
  }

  /** nghttpd, which answers every call of gRPC with one message and its trailers. */
  async grpc(): Promise<readonly string[]> {
    const command = findCommand('nghttpd')
    if (command === undefined) throw new SkipScenario('the origin is nghttpd: apt-get install nghttp2-server')
    const port = await freePort()
    const folder = join(this.#folder, `grpc-${port}`)
    mkdirSync(join(folder, 'bench.Echo'), { recursive: true })
    writeFileSync(join(folder, GRPC_PATH.slice(1)), grpcMessage)
    const args = ['--no-tls', '-a', '127.0.0.1', '-d', folder, '--trailer=grpc-status: 0', String(port)]
    await listening(
      this.#processes.start({ name: 'nghttpd origin', command, args, cpus: this.#pins?.origin }),
      port
    )
    return [`127.0.0.1:${port}`]
  }

  /** Node.js origins, each a process of its own. */
  async node(count: number): Promise<{ backend: string; running: Running }[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const port = await freePort()
        return { backend: `127.0.0.1:${port}`, running: await this.restartNode(port) }
      })
    )
  }

  async restartNode(port: number): Promise<Running> {
    const running = this.#processes.start({
      name: `node origin ${port}`,
      command: process.execPath,
      args: [join(import.meta.dirname, 'node-origin.ts'), String(port)],
      cpus: this.#pins?.origin
    })
    await listening(running, port)
    return running
  }

  /** What sends each datagram back. */
  async udp(): Promise<string> {
    const port = await freePort()
    const running = this.#processes.start({
      name: 'udp echo',
      command: process.execPath,
      args: [join(import.meta.dirname, 'udp-echo.ts'), String(port)],
      cpus: this.#pins?.origin
    })
    await listening(running, port, true)
    return `127.0.0.1:${port}`
  }

  /** An iperf3 server, or undefined when iperf3 is missing. */
  async iperf(): Promise<string | undefined> {
    const iperf3 = findCommand('iperf3')
    if (iperf3 === undefined) return undefined
    const port = await freePort()
    const args = ['--server', '--bind', '127.0.0.1', '--port', String(port)]
    await listening(
      this.#processes.start({ name: 'iperf3', command: iperf3, args, cpus: this.#pins?.origin }),
      port
    )
    return `127.0.0.1:${port}`
  }
}
