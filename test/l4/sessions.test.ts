import * as grpc from '@grpc/grpc-js'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { testCertificates } from '../net/certificates.ts'
import { engineRig } from './harness.ts'
import { directory, missing, program } from './programs.ts'
import { eventually, receive, testClient, testServer } from './sockets.ts'

const run = promisify(execFile)
const pki = testCertificates()
const at = (port: number) => `127.0.0.1:${port}`

const sshd = '/usr/sbin/sshd'
const TWENTY_MB_OF_ZEROS = createHash('sha256').update(Buffer.alloc(20_000_000)).digest('hex')
const withoutSsh =
  missing('ssh', 'ssh-keygen') ||
  (!existsSync(sshd) && 'sshd not installed') ||
  (process.getuid?.() !== 0 && 'sshd logs itself in as root here')

t.test(
  'SSH: a session, its keystrokes one by one, and a file through it',
  { skip: withoutSsh },
  async (t) => {
    const folder = directory(t)
    const port = await freePort()
    mkdirSync('/run/sshd', { recursive: true })
    for (const name of ['host', 'key']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
    }
    copyFileSync(join(folder, 'key.pub'), join(folder, 'authorized'))
    chmodSync(join(folder, 'authorized'), 0o600)
    const settings = [
      'ListenAddress=127.0.0.1',
      'PidFile=none',
      `AuthorizedKeysFile=${folder}/authorized`,
      'StrictModes=no',
      'PermitRootLogin=yes',
      'UsePAM=no'
    ]
    const options = settings.flatMap((setting) => ['-o', setting])
    await program(t, port, [sshd, '-D', '-e', '-p', String(port), '-h', join(folder, 'host'), ...options])
    const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(port)] } })
    const known = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR']
    const ssh = [
      '-p',
      String(rig.port),
      '-i',
      join(folder, 'key'),
      ...known.flatMap((value) => ['-o', value])
    ]

    const session = spawn('ssh', [...ssh, 'root@127.0.0.1', 'cat'])
    t.teardown(() => session.kill())
    const echoed = async (text: string) => {
      const got = new Promise<string>((resolve) =>
        session.stdout.once('data', (data) => resolve(String(data)))
      )
      session.stdin.write(text)
      return got
    }
    t.equal(await echoed('ready'), 'ready')
    let typed = ''
    for (let i = 0; i < 100; i++) typed += await echoed(String.fromCharCode(97 + (i % 26)))
    t.equal(typed.length, 100)
    session.stdin.end()
    await eventually(() => session.exitCode !== null)
    t.equal(session.exitCode, 0)

    const command = [...ssh, 'root@127.0.0.1', 'head -c 20000000 /dev/zero']
    const { stdout } = await run('ssh', command, { maxBuffer: 1 << 26, encoding: 'buffer' })
    t.equal(createHash('sha256').update(stdout).digest('hex'), TWENTY_MB_OF_ZEROS)
    await eventually(() => rig.engine.connections === 0)
  }
)

t.test('gRPC: a stream both ways, with and without TLS that the backend ends', async (t) => {
  const identity = pki.leaf('localhost')
  const same = (bytes: Buffer) => bytes
  const chat = {
    path: '/test.Chat/Talk',
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same
  } as const
  const talk = (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', (bytes: Buffer) => call.write(bytes))
    call.on('end', () => call.end())
  }
  for (const secure of [false, true]) {
    const server = new grpc.Server()
    t.teardown(() => server.forceShutdown())
    server.addService({ talk: chat }, { talk })
    const pair = { cert_chain: Buffer.from(identity.cert), private_key: Buffer.from(identity.key) }
    const credentials = secure
      ? grpc.ServerCredentials.createSsl(null, [pair])
      : grpc.ServerCredentials.createInsecure()
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)))
    })
    const listener = secure ? { sni: [{ host: 'localhost', pool: 'p' }] } : { pool: 'p' }
    const rig = await engineRig(t, listener, { p: { backends: [at(port)] } })
    const client = new grpc.Client(
      `localhost:${rig.port}`,
      secure ? grpc.credentials.createSsl(Buffer.from(pki.ca)) : grpc.credentials.createInsecure()
    )
    t.teardown(() => client.close())
    const call = client.makeBidiStreamRequest(chat.path, same, same)
    const messages = 2_000
    let next = 0
    let inOrder = true
    await new Promise<void>((resolve, reject) => {
      call.on('error', reject)
      call.on('end', resolve)
      call.on('data', (bytes: Buffer) => {
        inOrder &&= bytes.readUInt32BE(0) === next
        if (++next === messages) call.end()
      })
      for (let i = 0; i < messages; i++) {
        const message = Buffer.alloc(i % 100 === 0 ? 50_000 : 100)
        message.writeUInt32BE(i)
        call.write(message)
      }
    })
    t.equal(next, messages, secure ? 'over TLS' : 'in cleartext')
    t.ok(inOrder)
  }
})

t.test('SMTP: the server speaks first, also where a ClientHello is waited for', async (t) => {
  const backend = await testServer(t, (socket) => {
    socket.write('220 mail.test ESMTP\r\n')
    socket.on('data', (line: Buffer) => {
      socket.write(String(line).startsWith('QUIT') ? '221 bye\r\n' : '250 ok\r\n')
      if (String(line).startsWith('QUIT')) socket.end()
    })
  })
  const pools = { p: { backends: [at(backend.port)] } }
  for (const listener of [
    { pool: 'p' },
    { pool: 'p', sni: [{ host: 'a.test', pool: 'p' }], timeouts: { handshake: '200ms' } }
  ]) {
    const rig = await engineRig(t, listener, pools)
    const client = await testClient(t, rig.port)
    t.equal(await receive(client, 21), '220 mail.test ESMTP\r\n')
    client.write('EHLO x.test\r\n')
    t.equal(await receive(client, 8), '250 ok\r\n')
    client.write('QUIT\r\n')
    t.equal(await receive(client, 9), '221 bye\r\n')
  }
})

t.test(
  'openssl s_client: ten names, ten backends, each with its certificate',
  { skip: missing('openssl') },
  async (t) => {
    const names = Array.from({ length: 10 }, (_, i) => `n${i}.test`)
    const ports = await Promise.all([...names, 'fallback.test'].map((name) => tlsBackend(t, name)))
    const pools = Object.fromEntries(ports.map((port, i) => [`p${i}`, { backends: [at(port)] }]))
    const sni = [...names.map((host, i) => ({ host, pool: `p${i}` })), { host: '*.wild.test', pool: 'p3' }]
    const rig = await engineRig(t, { pool: 'p10', sni }, pools)
    const subject = async (...options: string[]) => {
      const child = run('openssl', ['s_client', '-connect', at(rig.port), ...options])
      child.child.stdin!.end()
      const { stdout } = await child
      return /subject=.*CN ?= ?([\w.*]+)/.exec(stdout)?.[1]
    }
    for (const name of names) t.equal(await subject('-servername', name), name)
    t.equal(await subject('-servername', 'a.b.wild.test'), 'n3.test')
    t.equal(await subject('-servername', 'unknown.test'), 'fallback.test')
    t.equal(await subject('-noservername'), 'fallback.test')
  }
)

async function tlsBackend(t: Test, name: string): Promise<number> {
  const server = createTlsServer(pki.leaf(name), (socket) => {
    socket.on('error', () => {})
    socket.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}
