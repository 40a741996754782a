import { jsonSchema } from '../config/schema/json/json-schema.ts'

/** `lb schema`: the JSON Schema of the YAML on standard output. */
export function printSchema(): void {
  process.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
}
