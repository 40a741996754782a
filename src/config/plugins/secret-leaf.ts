import { isAbsolute } from 'node:path'
import { textOf } from '../environment/env-text.ts'
import { readSecret } from '../environment/secrets.ts'
import { leaf, Refusal } from '../schema/leaf/leaf.ts'
import { rememberPluginSecret } from '../secrets/plugin-secrets.ts'

/** A secret among a plugin's keys: `${NAME}`, or the content of `file:/path`. */
export function secret() {
  return leaf<string, string>(
    'a secret, such as "${SIGNING_KEY}" or "file:/etc/lb/key"',
    { type: 'string' },
    (input) => {
      const written = textOf(input)
      if (written === undefined || written === '' || written.length > 4096) return new Refusal({})
      if (!written.startsWith('file:')) return remembered(written)
      const path = written.slice('file:'.length)
      if (!isAbsolute(path)) return new Refusal({ message: `"${written}" must name an absolute path here` })
      const { text, error } = readSecret(path)
      return error === undefined ? remembered(text) : new Refusal({ message: error })
    }
  )
}

function remembered(text: string): string {
  rememberPluginSecret(text)
  return text
}
