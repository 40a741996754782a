import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rawTls } from '../../../src/net/tls/raw-tls.ts'
import { startLb } from '../../e2e/servers.ts'
import { testCertificates } from '../../net/certificates.ts'
import { missing } from '../../l4/programs.ts'

// TLS as other people's clients speak it. LB_BARS=full: also Go and Java, which take seconds to start.

const full = process.env['LB_BARS'] === 'full'
const pki = testCertificates()
const strangers = testCertificates()
const a = pki.leaf('a.test')
const b = pki.leaf('b.test')
const alice = pki.issue({ subject: '/CN=alice' })
const mallory = strangers.issue({ subject: '/CN=mallory' })
const dir = t.testdir({})
const respond = { status: 200, body: 'it works, {tls.subject}!' }

const lb = await startLb(t, {
  workers: 0,
  listeners: [
    {
      name: 'open',
      bind: '127.0.0.1:0',
      mode: 'l7',
      timeouts: { handshake: '60s' },
      protocols: ['h2', 'http/1.1'],
      tls: { certificates: [a.files, b.files] },
      routes: [{ respond }]
    },
    {
      name: 'mutual',
      bind: '127.0.0.1:0',
      mode: 'l7',
      timeouts: { handshake: '60s' },
      protocols: ['h2', 'http/1.1'],
      tls: { certificates: [a.files], clientAuth: { ca: pki.caFile } },
      routes: [{ respond }]
    }
  ],
  pools: {}
})
const open = String(lb.port('open'))
const mutual = String(lb.port('mutual'))

/** What it said on both outputs; `input` is given to it, and then nothing more. */
function run(program: string, parts: readonly string[], input = '', cwd = dir): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parts, {
      cwd,
      stdio: 'pipe',
      env: { ...process.env, GOFLAGS: '-mod=mod', GO111MODULE: 'off' }
    })
    let said = ''
    for (const output of [child.stdout, child.stderr])
      output.on('data', (bytes: Buffer) => (said += bytes.toString('latin1')))
    child.on('error', reject).on('close', () => resolve(said))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

const request = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'
const client = (port: string, ...more: string[]): Promise<string> =>
  run(
    'openssl',
    ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', pki.caFile, '-ign_eof', ...more],
    request
  )
const cert = (who: typeof alice): string[] => ['-cert', who.files.cert, '-key', who.files.key]
const refused = rawTls === undefined ? /^/ : /LB_CLIENT_CERTIFICATE/

t.test('openssl s_client', { skip: missing('openssl') }, async (t) => {
  for (const version of ['-tls1_2', '-tls1_3']) {
    const first = join(dir, `session${version}`)
    const named = await client(
      open,
      version,
      '-servername',
      'b.test',
      '-verify_hostname',
      'b.test',
      '-verify_return_error',
      '-sess_out',
      first
    )
    t.match(named, /Verification: OK[^]*it works/, `${version}, by name`)
    const resumed = await client(open, version, '-servername', 'b.test', '-sess_in', first)
    t.match(resumed, /Reused, TLSv1[^]*it works/, `${version}, resumed`)
    if (version === '-tls1_3')
      t.match(
        await client(open, version),
        /Max Early Data: 0\n[^]*it works|it works[^]*Max Early Data: 0\n/,
        'no 0-RTT'
      )
    for (const sni of [['-noservername'], ['-servername', 'c.test']])
      t.match(
        await client(open, version, ...sni),
        /CN = a\.test|DNS:a\.test|it works/,
        `${version}, ${sni.join(' ')}`
      )
    t.match(await client(mutual, version, '-servername', 'a.test', ...cert(alice)), /it works, CN=alice!/)
    const stranger = await client(mutual, version, '-servername', 'a.test', ...cert(mallory))
    t.match(stranger, refused)
    t.notMatch(stranger, /it works/)
    const nobody = await client(mutual, version, '-servername', 'a.test')
    t.match(nobody, version === '-tls1_3' ? /certificate required/ : /handshake failure/)
    t.notMatch(nobody, /it works/)
  }
  for (const old of ['-tls1', '-tls1_1']) {
    const said = await client(open, old, '-cipher', 'ALL:@SECLEVEL=0')
    t.notMatch(said, /it works/, old)
    t.match(said, /protocol version|unsupported protocol|no protocols available/)
  }
})

t.test('curl', { skip: missing('curl') }, async (t) => {
  const curl = (port: string, host: string, ...more: string[]): Promise<string> =>
    run('curl', [
      '-sS',
      '--max-time',
      '30',
      '--cacert',
      pki.caFile,
      '--connect-to',
      `${host}:443:127.0.0.1:${port}`,
      '-w',
      ' %{http_version}',
      `https://${host}/`,
      ...more
    ])
  for (const host of ['a.test', 'b.test']) {
    t.match(await curl(open, host), /it works, ! 2$/, host)
    t.match(await curl(open, host, '--http1.1', '--tls-max', '1.2'), /it works, ! 1\.1$/)
  }
  t.match(await curl(open, 'c.test'), /no alternative certificate subject name matches/)
  const shows = ({ files }: typeof alice): string[] => ['--cert', files.cert, '--key', files.key]
  t.match(await curl(mutual, 'a.test', ...shows(alice)), /it works, CN=alice! 2$/)
  t.match(await curl(mutual, 'a.test', '--http1.1', ...shows(alice)), /it works, CN=alice! 1\.1$/)
  for (const more of [[], ['--http1.1']]) {
    t.match(await curl(mutual, 'a.test', ...more, ...shows(mallory)), refused)
    t.match(await curl(mutual, 'a.test', ...more), /certificate required/)
  }
})

const PYTHON = `
import socket, ssl, sys
port, ca, cert, key, name = sys.argv[1:6]
context = ssl.create_default_context(cafile=ca)
if cert: context.load_cert_chain(cert, key)
session = None
for _ in range(2):
    with socket.create_connection(('127.0.0.1', int(port))) as plain:
        with context.wrap_socket(plain, server_hostname=name, session=session) as tls:
            tls.sendall(b'GET / HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n')
            said = b''
            while True:
                part = tls.recv(65536)
                if not part: break
                said += part
            print(tls.version(), tls.session_reused, said.decode())
            session = tls.session
`

t.test('Python', { skip: missing('python3') }, async (t) => {
  const python = (port: string, name: string, who?: typeof alice): Promise<string> =>
    run('python3', ['-c', PYTHON, port, pki.caFile, who?.files.cert ?? '', who?.files.key ?? '', name])
  t.match(await python(open, 'b.test'), /TLSv1\.3 False[^]*it works[^]*TLSv1\.3 True[^]*it works/)
  t.match(await python(open, 'c.test'), /CERTIFICATE_VERIFY_FAILED/)
  t.match(
    await python(mutual, 'a.test', alice),
    /False[^]*it works, CN=alice![^]*True[^]*it works, CN=alice!/
  )
  t.match(await python(mutual, 'a.test', mallory), refused)
  t.match(await python(mutual, 'a.test'), /CERTIFICATE_REQUIRED/)
})

const GO = `package main
import ("crypto/tls"; "crypto/x509"; "fmt"; "io"; "net"; "net/http"; "os"; "context")
func main() {
	pem, _ := os.ReadFile(os.Args[2]); pool := x509.NewCertPool(); pool.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: pool, ServerName: os.Args[5], ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if os.Args[3] != "" { pair, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4]); if err != nil { panic(err) }; config.Certificates = []tls.Certificate{pair} }
	for i := 0; i < 2; i++ {
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DialContext: func(c context.Context, n, _ string) (net.Conn, error) { return (&net.Dialer{}).DialContext(c, n, "127.0.0.1:"+os.Args[1]) }}
		answer, err := (&http.Client{Transport: transport}).Get("https://a.test/")
		if err != nil { fmt.Println(err); continue }
		body, _ := io.ReadAll(answer.Body)
		fmt.Println(answer.Proto, answer.TLS.DidResume, string(body)); transport.CloseIdleConnections()
	}
}
`

t.test('Go', { skip: full ? missing('go') : 'LB_BARS=full' }, async (t) => {
  const folder = join(dir, 'go')
  mkdirSync(folder)
  writeFileSync(join(folder, 'main.go'), GO)
  t.equal(await run('go', ['build', '-o', 'client', 'main.go'], '', folder), '')
  const go = (port: string, name: string, who?: typeof alice): Promise<string> =>
    run(join(folder, 'client'), [port, pki.caFile, who?.files.cert ?? '', who?.files.key ?? '', name])
  t.match(await go(open, 'b.test'), /HTTP\/2\.0 false it works[^]*HTTP\/2\.0 true it works/)
  t.match(await go(open, 'c.test'), /certificate is valid for/)
  t.match(await go(mutual, 'a.test', alice), /false it works, CN=alice![^]*true it works, CN=alice!/)
  t.match(await go(mutual, 'a.test', mallory), refused)
  t.match(await go(mutual, 'a.test'), /certificate required|bad certificate/)
})

const JAVA = `import java.net.*; import javax.net.ssl.*; import java.io.*;
class Client { public static void main(String[] a) throws Exception {
  SSLSocket s = (SSLSocket) SSLSocketFactory.getDefault().createSocket("127.0.0.1", Integer.parseInt(a[0]));
  SSLParameters p = s.getSSLParameters(); p.setServerNames(java.util.List.of(new SNIHostName(a[1]))); p.setEndpointIdentificationAlgorithm(null); s.setSSLParameters(p);
  try { s.getOutputStream().write("GET / HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n".getBytes());
  System.out.println(s.getSession().getProtocol() + new String(s.getInputStream().readAllBytes())); } catch (IOException e) { System.out.println(e); } } }
`

t.test(
  'Java with stores of keytool',
  { skip: full ? missing('keytool') || missing('java') : 'LB_BARS=full' },
  async (t) => {
    writeFileSync(join(dir, 'Client.java'), JAVA)
    await run('keytool', [
      '-importcert',
      '-noprompt',
      '-file',
      pki.caFile,
      '-alias',
      'ca',
      '-keystore',
      'trust.p12',
      '-storepass',
      'changeit',
      '-storetype',
      'PKCS12'
    ])
    await run('openssl', [
      'pkcs12',
      '-export',
      '-in',
      alice.files.cert,
      '-inkey',
      alice.files.key,
      '-out',
      'alice.p12',
      '-passout',
      'pass:changeit',
      '-name',
      'alice'
    ])
    await run('keytool', [
      '-importkeystore',
      '-noprompt',
      '-srckeystore',
      'alice.p12',
      '-srcstorepass',
      'changeit',
      '-destkeystore',
      'keys.p12',
      '-deststorepass',
      'changeit',
      '-deststoretype',
      'PKCS12'
    ])
    const java = (port: string, name: string, ...more: string[]): Promise<string> =>
      run('java', [
        '-Djavax.net.ssl.trustStore=trust.p12',
        '-Djavax.net.ssl.trustStorePassword=changeit',
        ...more,
        'Client.java',
        port,
        name
      ])
    t.match(await java(open, 'b.test'), /TLSv1\.3[^]*it works/)
    t.match(await java(open, 'b.test', '-Djdk.tls.client.protocols=TLSv1.2'), /TLSv1\.2[^]*it works/)
    const keys = ['-Djavax.net.ssl.keyStore=keys.p12', '-Djavax.net.ssl.keyStorePassword=changeit']
    t.match(await java(mutual, 'a.test', ...keys), /it works, CN=alice!/)
    t.match(await java(mutual, 'a.test'), /certificate_required|handshake_failure/)
  }
)
