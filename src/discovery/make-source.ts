import type { Discovery } from '../config/model/model.ts'
import { consulSource } from './consul.ts'
import { dnsSource } from './dns.ts'
import { dockerSource } from './docker/docker.ts'
import { fileSource } from './file.ts'
import { httpSource } from './http.ts'
import { kubernetesSource } from './kubernetes/kubernetes.ts'
import type { Source, SourceDeps } from './source.ts'

/** The table of kinds. A new one needs a file, its keys in the schema and a line here. */
export function makeSource(config: Discovery, deps: SourceDeps): Source {
  switch (config.kind) {
    case 'dns':
      return dnsSource(config, deps)
    case 'file':
      return fileSource(config, deps)
    case 'http':
      return httpSource(config, deps)
    case 'docker':
      return dockerSource(config, deps)
    case 'kubernetes':
      return kubernetesSource(config, deps)
    case 'consul':
      return consulSource(config, deps)
  }
}
