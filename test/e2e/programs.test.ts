import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createHash, randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { directory, missing, program } from '../l4/programs.ts'
import { startLb } from './servers.ts'

// Programs as people run them, through lb; each is skipped by name where it is not installed.

const run = promisify(execFile)
const versions = ['--http1.1', '--http2-prior-knowledge'] as const

/** A listener of both versions of HTTP before `backend`: its URL. */
async function before(t: Test, backend: number): Promise<string> {
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], pool: 'web' }],
    pools: { web: { backends: [`127.0.0.1:${backend}`] } }
  })
  return `http://127.0.0.1:${lb.port('web')}`
}

/** CGI of `git http-backend`. */
function gitBackend(root: string): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const { headers } = request
    const child = spawn('git', ['http-backend'], {
      env: {
        ...process.env,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        REMOTE_USER: 'tester',
        PATH_INFO: path,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(headers['git-protocol'] ?? '')
      }
    })
    request.pipe(child.stdin)
    child.stdin.on('error', () => {})
    const parts: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    child.on('close', () => {
      const out = Buffer.concat(parts)
      const end = out.indexOf('\r\n\r\n')
      for (const line of out.subarray(0, end).toString().split('\r\n')) {
        const colon = line.indexOf(':')
        const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()]
        if (name === 'Status') response.statusCode = parseInt(value, 10)
        else response.setHeader(name, value)
      }
      response.end(out.subarray(end + 4))
    })
  }
}

t.test('git pushes a large pack in chunks, and clones it', { skip: missing('git') }, async (t) => {
  const root = directory(t)
  const git = (...args: string[]) => run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args])
  await git('init', '-q', '--bare', join(root, 'repo.git'))
  await git('-C', join(root, 'repo.git'), 'config', 'http.receivepack', 'true')
  const server = createServer(gitBackend(root)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  const url = `${await before(t, (server.address() as AddressInfo).port)}/repo.git`
  const from = join(root, 'from')
  await git('init', '-q', from)
  const big = randomBytes(3_000_000)
  writeFileSync(join(from, 'big'), big)
  await git('-C', from, 'add', '.')
  await git('-C', from, 'commit', '-q', '-m', 'one')
  await git('-C', from, '-c', 'http.postBuffer=65536', 'push', '-q', url, 'HEAD:refs/heads/main')
  await git('clone', '-q', '-b', 'main', url, join(root, 'to'))
  t.ok(readFileSync(join(root, 'to', 'big')).equals(big))
})

t.test(
  'curl reads whole files, parts, encodings, and goes on where it was cut',
  { skip: missing('curl', 'nginx') },
  async (t) => {
    const folder = directory(t)
    const port = await freePort()
    const big = randomBytes(1_000_000)
    const text = 'line\n'.repeat(20_000)
    writeFileSync(join(folder, 'big.bin'), big)
    writeFileSync(join(folder, 'text.txt'), text)
    execFileSync('truncate', ['-s', '100G', join(folder, 'sparse.bin')])
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; worker_processes 1; user root; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off; types { text/plain txt; } gzip on; gzip_types text/plain; keepalive_timeout 1s;
      client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
      uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
      server {
        listen 127.0.0.1:${port}; root ${folder};
      }
    }`
    )
    await program(t, port, ['nginx', '-c', join(folder, 'nginx.conf'), '-p', folder])
    const url = await before(t, port)
    for (const version of versions) {
      const curl = async (...args: string[]): Promise<Buffer> => {
        const options = { encoding: 'buffer', maxBuffer: 1 << 24 } as const
        return (await run('curl', ['-sS', '--fail-with-body', version, ...args], options)).stdout
      }
      t.ok((await curl(`${url}/big.bin`)).equals(big), version)
      t.equal((await curl('--compressed', `${url}/text.txt`)).toString(), text)
      t.match(
        (await curl('-I', '-H', 'Accept-Encoding: gzip', `${url}/text.txt`)).toString(),
        /content-encoding: gzip/i
      )
      t.equal((await curl('-r', '107374182300-', `${url}/sparse.bin`)).length, 100, 'the end of 100 GB')
      const tag = /etag: (\S+)/i.exec((await curl('-I', `${url}/big.bin`)).toString())![1]!
      const part = await curl('-H', `If-Range: ${tag}`, '-r', '10-19', `${url}/big.bin`)
      t.ok(part.equals(big.subarray(10, 20)))
      t.equal((await curl('-H', 'If-Range: "other"', '-r', '10-19', `${url}/big.bin`)).length, big.length)
      const half = join(folder, 'half')
      writeFileSync(half, big.subarray(0, 400_000))
      await curl('-C', '-', '-o', half, `${url}/big.bin`)
      t.ok(readFileSync(half).equals(big), 'resumed')
    }
  }
)

t.test(
  'a registry takes blobs in chunks, mounts them and answers ranges',
  { skip: missing('docker-registry') },
  async (t) => {
    const folder = directory(t)
    const port = await freePort()
    writeFileSync(
      join(folder, 'registry.yml'),
      `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${folder} } }
http: { addr: "127.0.0.1:${port}", relativeurls: true }
`
    )
    await program(t, port, ['docker-registry', 'serve', join(folder, 'registry.yml')])
    const url = await before(t, port)
    const blob = randomBytes(1_500_000)
    const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`
    const ask = async (
      method: string,
      path: string,
      status: number,
      body?: ReadableStream
    ): Promise<Response> => {
      const response = await fetch(new URL(path, url), {
        method,
        ...(body !== undefined && { body, duplex: 'half' })
      } as RequestInit)
      t.equal(response.status, status, `${method} ${path.split('?')[0]!.replace(/[0-9a-f-]{36}/, 'id')}`)
      return response
    }
    let place = (await ask('POST', '/v2/a/b/blobs/uploads/', 202)).headers.get('location')!
    for (const [from, to] of [
      [0, 600_000],
      [600_000, blob.length]
    ] as const) {
      // A stream has no length: it goes in chunks.
      const body = new Blob([blob.subarray(from, to)]).stream()
      place = (await ask('PATCH', place, 202, body)).headers.get('location')!
    }
    await ask('PUT', `${place}&digest=${encodeURIComponent(digest)}`, 201)
    await ask('POST', `/v2/c/d/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=a/b`, 201)
    const whole = await ask('GET', `/v2/c/d/blobs/${digest}`, 200)
    t.ok(Buffer.from(await whole.arrayBuffer()).equals(blob))
    t.equal(
      (await ask('HEAD', `/v2/a/b/blobs/${digest}`, 200)).headers.get('content-length'),
      String(blob.length)
    )
  }
)
