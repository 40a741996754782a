/** Where a pool learns its backends from (see model.ts). */
export type Discovery =
  DnsDiscovery | FileDiscovery | HttpDiscovery | DockerDiscovery | KubernetesDiscovery | ConsulDiscovery

export interface DnsDiscovery {
  readonly kind: 'dns'
  readonly name: string
  readonly type: 'a' | 'srv'
  /** Present for `a`. */
  readonly port?: number
  readonly intervalMs?: number
  /** Addresses with or without port; empty: the system's servers. */
  readonly servers: readonly string[]
}

export interface FileDiscovery {
  readonly kind: 'file'
  readonly path: string
}

export interface HttpDiscovery {
  readonly kind: 'http'
  readonly url: string
  readonly intervalMs: number
  readonly headers: Readonly<Record<string, string>>
}

export interface DockerDiscovery {
  readonly kind: 'docker'
  readonly socket: string
  /** `name` or `name=value`. */
  readonly label: string
  readonly port?: number
  readonly network?: string
}

export interface KubernetesDiscovery {
  readonly kind: 'kubernetes'
  readonly service: string
  readonly namespace?: string
  readonly port?: number | string
  readonly kubeconfig?: string
  readonly zone?: string
}

export interface ConsulDiscovery {
  readonly kind: 'consul'
  readonly service: string
  readonly url: string
  readonly token?: string
  readonly tag?: string
  readonly datacenter?: string
}
