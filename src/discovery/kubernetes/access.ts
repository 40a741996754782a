import { own } from '../../core/own.ts'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { KubernetesDiscovery } from '../../config/model/model.ts'
import { readYaml } from '../../config/yaml/read-yaml.ts'

/** How to reach the API server, read again for each try. */
export interface ClusterAccess {
  readonly url: string
  readonly namespace: string
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly servername?: string
    readonly rejectUnauthorized?: boolean
  }
  headers(): Record<string, string>
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** By `kubeconfig` if given, else as a pod's service account, else by ~/.kube/config. */
export async function clusterAccess(
  config: KubernetesDiscovery,
  env: Readonly<Record<string, string | undefined>> = process.env
): Promise<ClusterAccess> {
  if (config.kubeconfig !== undefined) return fromKubeconfig(config.kubeconfig)
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  if (host !== undefined && port !== undefined) return fromAccount(host, port)
  // Of several files the first one counts; kubectl would merge them.
  const [path] = env['KUBECONFIG']?.split(delimiter).filter((each) => each !== '') ?? []
  return fromKubeconfig(path ?? join(homedir(), '.kube/config'))
}

async function fromAccount(host: string, port: string): Promise<ClusterAccess> {
  const [ca, token, namespace] = await Promise.all(
    ['ca.crt', 'token', 'namespace'].map((name) => readFile(join(ACCOUNT, name), 'utf8'))
  )
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: namespace!.trim(),
    tls: { ca: ca! },
    headers: () => ({ authorization: `Bearer ${token!.trim()}` })
  }
}

interface Kubeconfig {
  readonly 'current-context'?: string
  readonly contexts?: readonly {
    readonly name: string
    readonly context: { cluster: string; user?: string; namespace?: string }
  }[]
  readonly clusters?: readonly {
    readonly name: string
    readonly cluster: Readonly<Record<string, unknown>>
  }[]
  readonly users?: readonly { readonly name: string; readonly user: Readonly<Record<string, unknown>> }[]
}

async function fromKubeconfig(path: string): Promise<ClusterAccess> {
  const config = readYaml(await readFile(path, 'utf8')) as Kubeconfig | null
  const name = config?.['current-context']
  const context = config?.contexts?.find((each) => each.name === name)?.context
  const cluster = config?.clusters?.find((each) => each.name === context?.cluster)?.cluster
  if (context === undefined || cluster === undefined)
    throw new Error(`${path} has no current context with a cluster`)
  const user = config?.users?.find((each) => each.name === context.user)?.user ?? {}
  if ('exec' in user || 'auth-provider' in user) {
    throw new Error(`${path}: users that log in by a program are not supported; use a token or a certificate`)
  }
  const folder = dirname(resolve(path))
  const servername = own(cluster, 'tls-server-name')
  const [ca, cert, key, token] = await Promise.all([
    material(cluster, 'certificate-authority', folder),
    material(user, 'client-certificate', folder),
    material(user, 'client-key', folder),
    tokenOf(user, folder)
  ])
  return {
    url: String(cluster['server']),
    namespace: context.namespace ?? 'default',
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(typeof servername === 'string' && { servername }),
      ...(cluster['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false })
    },
    headers: (): Record<string, string> => (token === undefined ? {} : { authorization: `Bearer ${token}` })
  }
}

/** `<name>-data` in base64, or the file named by `<name>`. */
async function material(
  from: Readonly<Record<string, unknown>>,
  name: string,
  folder: string
): Promise<string | undefined> {
  const data = own(from, `${name}-data`)
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8')
  const path = own(from, name)
  return typeof path === 'string' ? readFile(resolve(folder, path), 'utf8') : undefined
}

async function tokenOf(user: Readonly<Record<string, unknown>>, folder: string): Promise<string | undefined> {
  const { token, tokenFile } = user
  if (typeof token === 'string') return token
  if (typeof tokenFile === 'string') return (await readFile(resolve(folder, tokenFile), 'utf8')).trim()
  return undefined
}
